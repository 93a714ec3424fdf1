/**
 * `node bench/quotas.ts [seconds] [rounds] [pause in ms]`: what a quiet tenant notices while another one is at its quota in every dimension: jobs,
 * bytes, delayed jobs and their bytes, waits, event streams, callbacks, and its share of the outbox. The quiet tenant submits five
 * jobs a second and waits for each. Phases with and without the other tenant take turns. Then NATS goes away: the other tenant
 * fills its share of the outbox, and each job of the quiet one must still be accepted. Also prints the memory of workerd.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { UsageReport } from '../shared/api/usage.ts';
import { Job } from '../shared/job/job.ts';
import { Loops } from './support/loops.ts';
import { median, percentile, residentMib, workerdPid } from './support/measure.ts';
import { SilentPort } from './support/noise.ts';
import { startStackOnDisk } from './support/stack.ts';
import { call, makeTenants, type Tenant } from './support/tenants.ts';

const SECONDS = Number(process.argv[2] ?? 20);
const ROUNDS = Number(process.argv[3] ?? 3);
const PER_SECOND = 5;
const PAUSE_MS = Number(process.argv[4] ?? 500);
const BATCH = 100;
const RUN_MS = 50;
const QUOTAS = { jobs: 2_000, bytes: 5_000_000, delayedJobs: 500, delayedBytes: 2_000_000 };
const LIMITS = { WAITS_PER_TENANT: 100, EVENT_STREAMS_PER_TENANT: 100, OUTBOX_MAX_ROWS: 1_000 };
const LARGE = 'x'.repeat(20_000);

interface Phase {
  readonly errors: number;
  /** From the request to the answer, and from the acceptance to the start of the job, in milliseconds. */
  readonly times: readonly number[];
  readonly starts: readonly number[];
}

const { all, API_KEYS } = await makeTenants(['alpha', 'beta']);
const [alpha, beta] = all as [Tenant, Tenant];
const silent = await SilentPort.open();
const stack = await startStackOnDisk({
  operationsFolder: 'bench/operations',
  edge: {
    API_KEYS,
    TENANT_QUOTAS: JSON.stringify({ alpha: QUOTAS }),
    ...Object.fromEntries(Object.entries(LIMITS).map(([name, limit]) => [name, String(limit)])),
  },
  worker: { CALLBACK_ALLOW: silent.origin, WORKER_STOP_TIMEOUT_MS: '0' },
  tracing: false,
});
const memory: number[] = [];
const sampling = setInterval(() => memory.push(residentMib(workerdPid())), 500);
try {
  await phase(5);
  const [alone, beside]: [Phase[], Phase[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    alone.push(print('beta alone', await phase(SECONDS)));
    const loops = everyQuota();
    await untilFull();
    beside.push(print('beside alpha at its quotas', await phase(SECONDS)));
    await loops.stop();
    process.stdout.write(`  alpha was answered ${loops.answers}\n`);
    await untilQuiet();
  }
  const [with99, without99] = [beside, alone].map((phases) =>
    median(phases.map(({ times }) => percentile(times, 0.99))),
  );
  process.stdout.write(
    `median of p99: ${without99?.toFixed(0)} ms alone, ${with99?.toFixed(0)} ms beside alpha\n`,
  );
  print('NATS away, beside alpha', await outage());
  process.stdout.write(
    `workerd: ${Math.min(...memory).toFixed(0)} to ${Math.max(...memory).toFixed(0)} MiB\n`,
  );
} finally {
  clearInterval(sampling);
  await stack.stop();
  silent.close();
}

/** Lets alpha run into each of its quotas, again and again. */
function everyQuota(): Loops {
  const loops = new Loops(stack, alpha, PAUSE_MS);
  const nap = { operation: 'bench.nap', input: { ms: RUN_MS } };
  const later = { ...nap, delay: '1h' };
  const batch = (job: object) => () =>
    loops.send('/v1/jobs/batch', { jobs: Array.from({ length: BATCH }, () => job) });
  loops.repeat(batch(nap));
  loops.repeat(batch(later));
  loops.repeat(batch({ operation: 'echo', input: 1, callback: { url: silent.origin } }));
  for (const job of [nap, later])
    loops.repeat(() => loops.send('/v1/jobs', { ...job, input: { ...job.input, ballast: LARGE } }));
  const sleeper = startSleeper(loops);
  loops.repeat(
    () => loops.send('/v1/jobs', { ...later, delay: '30s' }, { prefer: 'wait=60' }),
    LIMITS.WAITS_PER_TENANT + 10,
  );
  loops.repeat(async () => loops.follow(await sleeper), LIMITS.EVENT_STREAMS_PER_TENANT + 10);
  loops.repeat(() => loops.send('/v1/jobs?limit=100'));
  return loops;
}

/** A delayed job of alpha, to be watched. @returns its id */
async function startSleeper(loops: Loops): Promise<string> {
  for (;;) {
    const job = { operation: 'echo', input: 1, delay: '1h' };
    const { id } = (await loops.send('/v1/jobs', job)) as { readonly id?: string };
    if (id !== undefined) return id;
    await delay(PAUSE_MS);
  }
}

/** Waits until alpha has as many jobs as it may. */
async function untilFull(): Promise<void> {
  for (let used = 0; used < QUOTAS.delayedJobs * 0.9; await delay(100)) {
    used = (await usageOfAlpha()).delayedJobs;
  }
}

/** Waits until alpha has no jobs that can run. */
async function untilQuiet(): Promise<void> {
  for (;;) {
    const { jobs, delayedJobs } = await usageOfAlpha();
    if (jobs <= delayedJobs) return;
    await delay(200);
  }
}

async function usageOfAlpha(): Promise<UsageReport['used']> {
  return ((await (await call(stack, alpha, '/v1/usage')).json()) as UsageReport).used;
}

/** Beta submits jobs for this time, and waits for each. */
async function phase(seconds: number): Promise<Phase> {
  return await submitSteadily(seconds, { prefer: 'wait=30' }, 200);
}

async function submitSteadily(
  seconds: number,
  headers: Readonly<Record<string, string>>,
  expected: number,
): Promise<Phase> {
  const [times, starts]: [number[], number[]] = [[], []];
  let errors = 0;
  const one = async (): Promise<void> => {
    const began = performance.now();
    const job = { operation: 'bench.nap', input: { ms: RUN_MS } };
    const response = await call(stack, beta, '/v1/jobs', job, headers).catch(() => undefined);
    const answer: unknown = await response?.json();
    if (response?.status === expected) times.push(performance.now() - began);
    else errors++;
    const { acceptedAt, startedAt } = Job.partial().parse(answer ?? {});
    if (startedAt !== undefined) starts.push(Date.parse(startedAt) - Date.parse(acceptedAt ?? ''));
  };
  const running: Promise<void>[] = [];
  for (let n = 0; n < seconds * PER_SECOND; n++) {
    running.push(one());
    await delay(1_000 / PER_SECOND);
  }
  await Promise.all(running);
  return { times, starts, errors };
}

/** NATS goes away and comes back, and both tenants submit in between. */
async function outage(): Promise<Phase> {
  await stack.nats.kill('SIGKILL');
  const loops = new Loops(stack, alpha, PAUSE_MS);
  const jobs = Array.from({ length: BATCH }, () => ({ operation: 'echo', input: 1 }));
  loops.repeat(() => loops.send('/v1/jobs/batch', { jobs }), 2);
  const result = await submitSteadily(SECONDS, {}, 202);
  await loops.stop();
  process.stdout.write(`  alpha was answered ${loops.answers}\n`);
  await stack.nats.restart();
  return result;
}

function print(what: string, result: Phase): Phase {
  const { times, starts, errors } = result;
  const shares = (values: readonly number[]): string =>
    values.length === 0
      ? 'none'
      : `p50 ${percentile(values, 0.5).toFixed(0)} ms, p99 ${percentile(values, 0.99).toFixed(0)} ms`;
  process.stdout.write(
    `${what.padEnd(28)} ${times.length} jobs, ${errors} errors; answer ${shares(times)}; start ${shares(starts)}\n`,
  );
  return result;
}
