/**
 * `node bench/fair.ts [jobs] [seconds]`: how long the jobs of a quiet tenant wait while the queue holds `jobs` jobs of a noisy
 * one (default 20,000). Both have jobs of 50 ms. The quiet tenant submits one job a second. One run measures three cases: nobody
 * else has jobs, a noisy tenant fills the queue, and the same with fair lanes turned off.
 */
import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { Stack } from '../dev/stack.ts';
import { bulkRoute, pooledRoute } from '../shared/wire/lanes.ts';
import { jobSubject } from '../shared/wire/subjects.ts';
import { startQuietStack } from './support/stack.ts';

const JOBS = Number(process.argv[2] ?? 20_000);
const SECONDS = Number(process.argv[3] ?? 30);
const RUN_MS = 50;
/** As many jobs of a tenant as go to its pooled lane (the default of FAIR_JOBS). */
const FAIR_JOBS = 4;
const CONCURRENCY = 10;
const PARALLEL = 256;
const QUIET = 'demo';
/** Its pooled lane is that of the quiet tenant. */
const NOISY = sameLane(QUIET);

const cases: readonly [what: string, fill: (stack: Stack) => Promise<void>][] = [
  ['nobody else', async () => undefined],
  [`${JOBS} jobs of another tenant`, (stack) => fill(stack, FAIR_JOBS)],
  ['the same in one lane', (stack) => fill(stack, Number.POSITIVE_INFINITY)],
];
process.stdout.write(
  `waiting time of ${SECONDS} jobs, one a second, ${CONCURRENCY} slots, ${RUN_MS} ms a job\n`,
);
for (const [what, prepare] of cases) {
  const stack = await startQuietStack({
    operationsFolder: 'bench/operations',
    worker: { WORKER_CONCURRENCY: String(CONCURRENCY), WORKER_STOP_TIMEOUT_MS: '0' },
    tracing: false,
  });
  try {
    await prepare(stack);
    const waits = (await measure(stack)).toSorted((a, b) => a - b);
    const at = (share: number): string => `${waits[Math.floor((waits.length - 1) * share)]?.toFixed(0)} ms`;
    process.stdout.write(`${what.padEnd(36)} p50 ${at(0.5).padStart(9)}   p99 ${at(0.99).padStart(9)}\n`);
  } finally {
    await stack.stop();
  }
}

/** Publishes the jobs of the noisy tenant, as a bridge would: the first ones into its pooled lane, the others into a bulk lane. */
async function fill(stack: Stack, pooled: number): Promise<void> {
  const nats = await connect({ servers: stack.nats.url });
  const stream = jetstream(nats);
  const body = JSON.stringify({ ms: RUN_MS });
  let next = 0;
  const publishNext = async (): Promise<void> => {
    while (next < JOBS) {
      const n = next++;
      const address = { tenant: NOISY, jobId: `noisy-${n}`, operation: 'bench.nap' };
      const route = n < pooled ? pooledRoute(address) : bulkRoute(address);
      await stream.publish(jobSubject(address, route), body, { msgID: address.jobId });
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, publishNext));
  await nats.close();
}

/** The waiting times of the quiet tenant's jobs in milliseconds: from the request to the answer, without the run itself. */
async function measure(stack: Stack): Promise<number[]> {
  const waits: Promise<number>[] = [];
  for (let second = 0; second < SECONDS; second++) {
    waits.push(waitOfOne(stack));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  return await Promise.all(waits);
}

async function waitOfOne({ url, apiKey }: Stack): Promise<number> {
  const began = performance.now();
  const response = await fetch(`${url}/v1/jobs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', prefer: 'wait=60' },
    body: JSON.stringify({ operation: 'bench.nap', input: { ms: RUN_MS } }),
  });
  const { state } = (await response.json()) as { state?: string };
  // A job that has not ended within the wait counts with the whole of it.
  if (state === undefined) throw new Error(`the edge answered ${response.status}`);
  return performance.now() - began - RUN_MS;
}

function sameLane(tenant: string): string {
  const { lane } = pooledRoute({ tenant });
  for (let n = 0; ; n++) if (pooledRoute({ tenant: `noisy-${n}` }).lane === lane) return `noisy-${n}`;
}
