/**
 * `node bench/fair.ts [--jobs 20000] [--seconds 30] [--hosts 1] [--slots 10] [--cases 1,2,3,4,5] [--drain]`: how long the jobs of
 * quiet tenants wait while the queue holds jobs of noisy ones. All have jobs of 50 ms. In the cases with one quiet tenant it
 * submits one job a second. Each case has a system of its own. With `--drain` a case goes on until the queue is empty.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { Stack } from '../dev/stack.ts';
import { Job } from '../shared/job/job.ts';
import { bulkRoute, pooledRoute } from '../shared/wire/lanes.ts';
import { jobSubject } from '../shared/wire/subjects.ts';
import type { Loops } from './support/loops.ts';
import { percentile } from './support/measure.ts';
import { makeNoise, SilentPort } from './support/noise.ts';
import { startQuietStack } from './support/stack.ts';
import { call, makeTenants, type Tenant } from './support/tenants.ts';

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '30' },
    hosts: { type: 'string', default: '1' },
    slots: { type: 'string', default: '10' },
    cases: { type: 'string', default: '1,2,3,4,5' },
    drain: { type: 'boolean', default: false },
  },
});
const [JOBS, SECONDS, HOSTS, SLOTS] = [values.jobs, values.seconds, values.hosts, values.slots].map(
  Number,
) as [number, number, number, number];
const RUN_MS = 50;
/** As many jobs of a tenant as go to its pooled lane (the default of FAIR_JOBS). */
const FAIR_JOBS = 4;
const PARALLEL = 256;
const NOISY_TENANTS = 10;
const QUIET_TENANTS = 990;
/** Jobs a second of all quiet tenants together, in the case with many. */
const CROWD_PER_SECOND = 10;

interface Case {
  readonly what: string;
  readonly noisy: number;
  readonly quiet?: number;
  /** How many jobs of a noisy tenant go to its pooled lane. */
  readonly pooled?: number;
  readonly doesAll?: boolean;
}
const CASES: readonly Case[] = [
  { what: 'nobody else', noisy: 0 },
  { what: `${JOBS} jobs of another tenant`, noisy: 1 },
  { what: 'the same in one lane', noisy: 1, pooled: Number.POSITIVE_INFINITY },
  { what: 'the same, and it does everything else', noisy: 1, doesAll: true },
  {
    what: `${JOBS} jobs of ${NOISY_TENANTS} tenants, ${QUIET_TENANTS} quiet ones`,
    noisy: NOISY_TENANTS,
    quiet: QUIET_TENANTS,
  },
];

process.stdout.write(`${SECONDS} s, ${HOSTS} hosts with ${SLOTS} slots, ${RUN_MS} ms a job\n`);
for (const number of values.cases.split(',')) {
  const one = CASES[Number(number) - 1];
  if (one !== undefined) await run(one);
}

async function run({ what, noisy, quiet = 1, pooled = FAIR_JOBS, doesAll = false }: Case): Promise<void> {
  const names = Array.from({ length: quiet }, (_, n) => `quiet${n}`);
  const { all, API_KEYS } = await makeTenants([...names, 'alpha']);
  const silent = await SilentPort.open();
  const stack = await startQuietStack({
    operationsFolder: 'bench/operations',
    edge: { API_KEYS },
    worker: {
      WORKER_CONCURRENCY: String(SLOTS),
      WORKER_STOP_TIMEOUT_MS: '0',
      CALLBACK_ALLOW: silent.origin,
    },
    tracing: false,
  });
  const alpha = all.at(-1);
  let noise: Loops | undefined;
  try {
    for (let host = 1; host < HOSTS; host++) await stack.addWorker();
    const began = performance.now();
    await fill(stack, noisyTenants(noisy), pooled);
    if (doesAll && alpha !== undefined) noise = makeNoise(stack, alpha, RUN_MS, silent.origin);
    const waits = await measure(stack, all.slice(0, quiet), () => values.drain && queued(stack));
    print(what, waits);
    if (noise !== undefined) process.stdout.write(`  alpha was answered ${noise.answers}\n`);
    const left = await queued(stack);
    const seconds = ((performance.now() - began) / 1_000).toFixed(0);
    process.stdout.write(`  ${left} jobs in the queue after ${seconds} s\n`);
  } finally {
    await noise?.stop();
    await stack.stop();
    silent.close();
  }
}

/** Names of noisy tenants. The first one shares a pooled lane with the first quiet tenant. */
function noisyTenants(count: number): string[] {
  const { lane } = pooledRoute({ tenant: 'quiet0' });
  const names: string[] = [];
  for (let n = 0; names.length < count; n++)
    if (names.length > 0 || pooledRoute({ tenant: `noisy-${n}` }).lane === lane) names.push(`noisy-${n}`);
  return names;
}

/** Publishes the jobs of noisy tenants, as a bridge would: the first ones into pooled lanes, the others into bulk lanes. */
async function fill(stack: Stack, tenants: readonly string[], pooled: number): Promise<void> {
  if (tenants.length === 0) return;
  const nats = await connect({ servers: stack.nats.url });
  const stream = jetstream(nats);
  const body = JSON.stringify({ ms: RUN_MS });
  let next = 0;
  const publishNext = async (): Promise<void> => {
    while (next < JOBS) {
      const n = next++;
      const tenant = tenants[n % tenants.length] ?? '';
      const address = { tenant, jobId: `noisy-${n}`, operation: 'bench.nap' };
      const route = n < pooled * tenants.length ? pooledRoute(address) : bulkRoute(address);
      await stream.publish(jobSubject(address, route), body, { msgID: address.jobId });
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, publishNext));
  await nats.close();
}

async function queued(stack: Stack): Promise<number> {
  const nats = await connect({ servers: stack.nats.url });
  try {
    return (await (await jetstreamManager(nats)).streams.info('JOBS')).state.messages;
  } finally {
    await nats.close();
  }
}

/** How long a job waited, in milliseconds. */
interface Wait {
  /** From the request to the answer, without the run itself. */
  readonly answer: number;
  /** From its acceptance to its start. */
  readonly start: number;
}

/**
 * The waiting times of the quiet tenants' jobs.
 * @param isOpen whether to go on after the time
 */
async function measure(
  stack: Stack,
  quiet: readonly Tenant[],
  isOpen: () => Promise<number> | false,
): Promise<Wait[]> {
  const perSecond = quiet.length === 1 ? 1 : CROWD_PER_SECOND;
  const waits: Promise<Wait>[] = [];
  for (let n = 0; n < SECONDS * perSecond || (await isOpen()); n++) {
    // A number without a common divisor with the number of tenants, so that each has its turn.
    const tenant = quiet[(n * 7) % quiet.length];
    if (tenant !== undefined) waits.push(waitOfOne(stack, tenant));
    await delay(1_000 / perSecond);
  }
  return await Promise.all(waits);
}

async function waitOfOne(stack: Stack, tenant: Tenant): Promise<Wait> {
  const job = { operation: 'bench.nap', input: { ms: RUN_MS } };
  const began = performance.now();
  const response = await call(stack, tenant, '/v1/jobs', job, { prefer: 'wait=60' });
  const { acceptedAt, startedAt } = Job.parse(await response.json());
  // A job that has not started within the wait counts with the whole of it.
  const start = (startedAt === undefined ? Date.now() : Date.parse(startedAt)) - Date.parse(acceptedAt);
  return { answer: performance.now() - began - RUN_MS, start };
}

function print(what: string, waits: readonly Wait[]): void {
  const [answers, starts] = [waits.map(({ answer }) => answer), waits.map(({ start }) => start)];
  process.stdout.write(
    `${what}\n  ${waits.length} jobs: until they started ${shares(starts)}; until the answer ${shares(answers)}\n`,
  );
}

function shares(values: readonly number[]): string {
  return `p50 ${percentile(values, 0.5).toFixed(0)} ms, p99 ${percentile(values, 0.99).toFixed(0)} ms`;
}
