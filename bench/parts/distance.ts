import { setTimeout as delay } from 'node:timers/promises';
import { DistanceProxy } from '../../dev/machine/distance-proxy.ts';
import { findFreePort } from '../../dev/machine/free-port.ts';
import { type DistantRequest, nameOf } from '../distance/distant-request.ts';
import { startFarWorkers } from '../distance/far-workers.ts';
import { distantRequests, distantTenants } from '../distance/requests.ts';
import type { Part, PartOptions } from '../suite/part.ts';
import { type Contestant, inTurns } from '../suite/rounds.ts';
import { startQuietStack } from '../support/stack.ts';

const ROUND_TRIPS_MS = [0, 20, 100];
const QUICK_ROUND_TRIPS_MS = [5];
const ACK_MODES = ['stream', 'outbox'] as const;
/** A round is short, and each has one request of each kind. */
const REQUESTS_OF_ROUND = 2;
/** V8 has not compiled the code before the first. */
const WARM_UPS = 1;

type AckMode = (typeof ACK_MODES)[number];

/** How long requests take when a proxy between the edge and NATS delays each piece of data by half a round trip. */
export const distance: Part = {
  name: 'distance',
  what: 'how long each request takes when NATS is far from the edge',
  tables: ACK_MODES.map((mode) => `distance-${mode}`),
  run: async (options: PartOptions) => {
    for (const mode of ACK_MODES) if (options.wanted(`distance-${mode}`)) await measure(mode, options);
  },
};

async function measure(mode: AckMode, options: PartOptions): Promise<void> {
  const natsWebSocket = await findFreePort();
  const proxy = await DistanceProxy.start(natsWebSocket);
  const far = `ws://127.0.0.1:${proxy.port}`;
  const tenants = await distantTenants();
  const stack = await startQuietStack({
    ...tenants.stack,
    tracing: false,
    ports: { http: 0, nats: 0, natsWebSocket, otlp: 0 },
    edge: { ...tenants.stack.edge, NATS_URL: far, ACK_MODE: mode },
  });
  const distances = options.quick ? QUICK_ROUND_TRIPS_MS : ROUND_TRIPS_MS;
  const timed = (prepare: DistantRequest['prepare']) => ({
    measure: () => timeAll(proxy, distances, prepare),
  });
  const ours = distantRequests((path, init) => fetch(`${stack.url}${path}`, init), tenants);
  try {
    const limits = mode === 'stream' ? await startFarWorkers(far) : [];
    const contestants: Contestant[] = [
      ...limits.map(({ prepare, ...limit }) => ({ ...limit, kind: 'limit' as const, ...timed(prepare) })),
      ...ours
        .filter(({ makesJob }) => mode === 'stream' || makesJob === true)
        .map((request) => ({
          name: nameOf(request),
          kind: 'ours' as const,
          ...timed(request.prepare),
        })),
    ];
    const rounds = options.quick
      ? await inTurns(contestants, 1)
      : await inTurns(contestants, options.rounds * REQUESTS_OF_ROUND, WARM_UPS);
    await options.report({
      name: `distance-${mode}`,
      title: `Requests while NATS is far away, ACK_MODE=${mode}`,
      columns: distances.toReversed().map((ms) => ({ name: `NATS at ${ms} ms`, unit: 'ms', digits: 1 })),
      rows: rounds,
      notes: NOTES[mode],
    });
  } finally {
    await stack.stop();
    await proxy.stop();
  }
}

const NOTES: Readonly<Record<AckMode, readonly string[]>> = {
  stream: [
    'One request at a time. The limits publish a job and do nothing else, each in a workerd of its own.',
  ],
  outbox: ['One request at a time. The requests that make no job are as with ACK_MODE=stream.'],
};

/** The time of one request at each distance. */
async function timeAll(
  proxy: DistanceProxy,
  distances: readonly number[],
  prepare: DistantRequest['prepare'],
): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  for (const ms of distances) {
    const { send, after } = await prepare();
    proxy.setRoundTrip(ms);
    const since = performance.now();
    try {
      await send();
      figures[`NATS at ${ms} ms`] = performance.now() - since;
    } finally {
      proxy.setRoundTrip(0);
      // What is under way at the old distance arrives before anything that is sent now.
      await delay(ms);
      await after?.();
    }
  }
  return figures;
}
