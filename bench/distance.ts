/**
 * `npm run bench:distance`: how long requests take when NATS is far from the edge. A proxy between them delays each piece of data
 * by half a round trip. All distances and requests are measured in turns, in one run. `--rounds 5` takes less time.
 */
import { parseArgs } from 'node:util';
import { DistanceProxy } from '../dev/machine/distance-proxy.ts';
import { findFreePort } from '../dev/machine/free-port.ts';
import type { Stack } from '../dev/stack.ts';
import type { Job } from '../shared/job/job.ts';
import { median } from './support/measure.ts';
import { startQuietStack } from './support/stack.ts';

const ROUND_TRIPS_MS = [0, 20, 100];
const { values } = parseArgs({ options: { rounds: { type: 'string', default: '15' } } });
const ROUNDS = Number(values.rounds);

type Send = () => Promise<Response>;

/** The requests. Each is prepared before its time is taken, while NATS is near. */
function requestsTo(stack: Stack): Record<string, () => Promise<Send>> {
  let keys = 0;
  const call = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = { authorization: `Bearer ${stack.apiKey}`, ...(init.headers as Record<string, string>) };
    const response = await fetch(`${stack.url}${path}`, { ...init, headers });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  const submit = (headers: Record<string, string> = {}, more: object = {}): Promise<Response> =>
    call('/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ operation: 'echo', input: 1, ...more }),
    });
  const idOf = async (response: Promise<Response>): Promise<string> =>
    ((await (await response).json()) as Job).id;
  const newKey = (): Record<string, string> => ({ 'idempotency-key': `key-${++keys}` });
  const wait = { prefer: 'wait=20' };
  return {
    'POST, no key': async () => () => submit(),
    'POST, wait for the end': async () => () => submit(wait),
    'POST, new Idempotency-Key': async () => {
      const key = newKey();
      return () => submit(key);
    },
    'POST again, of a job seen at its end': async () => {
      const key = newKey();
      await call(`/v1/jobs/${await idOf(submit({ ...key, ...wait }))}`);
      return () => submit(key);
    },
    'GET of a delayed job': async () => {
      const id = await idOf(submit({}, { delay: '1h' }));
      return () => call(`/v1/jobs/${id}`);
    },
    'GET of a job that has ended': async () => {
      const id = await idOf(submit(wait));
      return () => call(`/v1/jobs/${id}`);
    },
    'GET again': async () => {
      const id = await idOf(submit(wait));
      await call(`/v1/jobs/${id}`);
      return () => call(`/v1/jobs/${id}`);
    },
    'the list of jobs': async () => () => call('/v1/jobs'),
  };
}

const natsWebSocket = await findFreePort();
const proxy = await DistanceProxy.start(natsWebSocket);
const stack = await startQuietStack({
  tracing: false,
  ports: { http: 0, nats: 0, natsWebSocket, otlp: 0 },
  edge: { NATS_URL: `ws://127.0.0.1:${proxy.port}` },
});
try {
  const requests = Object.entries(requestsTo(stack));
  const times = new Map<string, number[]>();
  for (let round = -1; round < ROUNDS; round++) {
    for (const roundTripMs of ROUND_TRIPS_MS) {
      for (const [name, prepare] of requests) {
        proxy.setRoundTrip(0);
        const send = await prepare();
        proxy.setRoundTrip(roundTripMs);
        const since = performance.now();
        await (await send()).arrayBuffer();
        const key = `${name} ${roundTripMs}`;
        // The first round warms up.
        if (round >= 0) times.set(key, [...(times.get(key) ?? []), performance.now() - since]);
      }
    }
  }
  process.stdout.write(`p50 of ${ROUNDS} requests, in ms\n${'round trip to NATS, ms'.padEnd(40)}`);
  process.stdout.write(`${ROUND_TRIPS_MS.map((ms) => String(ms).padStart(8)).join('')}\n`);
  for (const [name] of requests) {
    const cells = ROUND_TRIPS_MS.map((ms) =>
      median(times.get(`${name} ${ms}`) ?? [])
        .toFixed(1)
        .padStart(8),
    );
    process.stdout.write(`${name.padEnd(40)}${cells.join('')}\n`);
  }
} finally {
  await stack.stop();
  await proxy.stop();
}
