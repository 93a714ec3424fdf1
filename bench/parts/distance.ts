import { setTimeout as delay } from 'node:timers/promises';
import { DistanceProxy } from '../../dev/machine/distance-proxy.ts';
import { findFreePort } from '../../dev/machine/free-port.ts';
import { connectAndPublish, OpenConnection } from '../peers/publish-alone.ts';
import type { Part, PartOptions } from '../suite/part.ts';
import { type Contestant, inTurns } from '../suite/rounds.ts';
import { distantRequests, type Prepare } from '../support/distant-requests.ts';
import { startQuietStack } from '../support/stack.ts';
import { makeTenants } from '../support/tenants.ts';

const ROUND_TRIPS_MS = [0, 20, 100];
const QUICK_ROUND_TRIPS_MS = [20];
const ACK_MODES = ['stream', 'outbox'] as const;
/** A round is short, and each has one request of each kind. */
const REQUESTS_OF_ROUND = 3;

/** How long requests take when a proxy between the edge and NATS delays each piece of data by half a round trip. */
export const distance: Part = {
  name: 'distance',
  what: 'how long each request takes when NATS is far from the edge',
  tables: ACK_MODES.map((mode) => `distance-${mode}`),
  run: async (options: PartOptions) => {
    for (const mode of options.quick ? ACK_MODES.slice(0, 1) : ACK_MODES)
      if (options.wanted(`distance-${mode}`)) await measure(mode, options);
  },
};

async function measure(mode: (typeof ACK_MODES)[number], options: PartOptions): Promise<void> {
  const natsWebSocket = await findFreePort();
  const proxy = await DistanceProxy.start(natsWebSocket);
  const far = `ws://127.0.0.1:${proxy.port}`;
  const { all, API_KEYS } = await makeTenants(['quiet', 'keyed', 'busy']);
  const [quiet, keyed, busy] = all;
  if (quiet === undefined || keyed === undefined || busy === undefined)
    throw new Error('there are no tenants');
  const stack = await startQuietStack({
    tracing: false,
    ports: { http: 0, nats: 0, natsWebSocket, otlp: 0 },
    edge: { NATS_URL: far, ACK_MODE: mode, API_KEYS },
  });
  const open = await OpenConnection.open(far);
  const distances = options.quick ? QUICK_ROUND_TRIPS_MS : ROUND_TRIPS_MS;
  const timed = (name: string, kind: Contestant['kind'], prepare: Prepare): Contestant => ({
    ...{ name, kind, measure: () => timeAll(proxy, distances, prepare) },
  });
  try {
    const contestants = [
      timed('one publish, nothing else', 'limit', async () => () => open.publish()),
      timed('a connection for each publish', 'peer', async () => () => connectAndPublish(far)),
      ...Object.entries(distantRequests(stack, { quiet, keyed, busy })).map(([name, prepare]) =>
        timed(name, 'ours', prepare),
      ),
    ];
    await options.report({
      name: `distance-${mode}`,
      title: `Requests while NATS is far away, ACK_MODE=${mode}`,
      columns: distances.toReversed().map((ms) => ({ name: `NATS at ${ms} ms`, unit: 'ms', digits: 1 })),
      rows: await inTurns(contestants, options.quick ? 1 : options.rounds * REQUESTS_OF_ROUND, 1),
      notes: [
        'One request at a time. A list reads the events that are new first: that is a round trip more.',
      ],
    });
  } finally {
    await open.close();
    await stack.stop();
    await proxy.stop();
  }
}

/** The time of one request at each distance. */
async function timeAll(proxy: DistanceProxy, distances: readonly number[], prepare: Prepare) {
  const figures: Record<string, number> = {};
  for (const ms of distances) {
    const send = await prepare();
    proxy.setRoundTrip(ms);
    const since = performance.now();
    await send();
    figures[`NATS at ${ms} ms`] = performance.now() - since;
    proxy.setRoundTrip(0);
    // What is under way at the old distance arrives before anything that is sent now.
    await delay(ms);
  }
  return figures;
}
