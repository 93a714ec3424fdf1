/**
 * `node bench/soak.ts [jobs]`: the memory of workerd, worker and nats-server while jobs pass through, one line for each
 * tenth of the jobs. The numbers should not grow: nothing may stay in memory for each job.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { printRow, residentMib, workerdPid } from './support/measure.ts';
import { startStackOnDisk } from './support/stack.ts';

const JOBS = Number(process.argv[2] ?? 1_000_000);
const BATCH = 100;
const PARALLEL = 4;
const STEPS = 10;
const DRAIN_POLL_MS = 200;

const stack = await startStackOnDisk({ tracing: false, worker: { WORKER_CONCURRENCY: '100' } });
const body = JSON.stringify({ jobs: Array(BATCH).fill({ operation: 'echo', input: 1 }) });
const headers = { authorization: `Bearer ${stack.apiKey}`, 'content-type': 'application/json' };
try {
  printRow('jobs', 'jobs/s', 'workerd', 'worker', 'nats-server (MiB)');
  for (let step = 1; step <= STEPS; step++) {
    const began = performance.now();
    await submit(JOBS / STEPS);
    await untilDone();
    const perSecond = (JOBS / STEPS / (performance.now() - began)) * 1_000;
    const memory = [workerdPid(), stack.worker.pid, stack.nats.pid].map((pid) => residentMib(pid).toFixed(0));
    printRow(((JOBS / STEPS) * step).toFixed(0), perSecond.toFixed(0), ...memory);
  }
} finally {
  await stack.stop();
}

async function submit(jobs: number): Promise<void> {
  let left = jobs / BATCH;
  const send = async (): Promise<void> => {
    while (left-- > 0) {
      const response = await fetch(`${stack.url}/v1/jobs/batch`, { method: 'POST', headers, body });
      const { results } = (await response.json()) as { results: { status: number }[] };
      if (results.some(({ status }) => status !== 202)) throw new Error('a job was refused');
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, send));
}

/** Waits until no job is queued. */
async function untilDone(): Promise<void> {
  for (;;) {
    const answer = await fetch(`${stack.url}/v1/jobs?state=queued&limit=1`, { headers });
    const { jobs, complete } = (await answer.json()) as { jobs: unknown[]; complete: boolean };
    if (complete && jobs.length === 0) return;
    await delay(DRAIN_POLL_MS);
  }
}
