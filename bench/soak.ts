/**
 * `node bench/soak.ts [jobs]`: what edge, worker and NATS hold in memory while jobs go through, a line for each tenth of
 * them. Flat is good: nothing may be kept for each job.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startStack } from '../dev/stack.ts';
import { residentMib, workerdPid } from './support/process-size.ts';

const JOBS = Number(process.argv[2] ?? 1_000_000);
const BATCH = 100;
const PARALLEL = 4;
const STEPS = 10;
const DRAIN_POLL_MS = 200;

// Without a directory workerd would keep the rows of the index in memory too.
const storageDir = await mkdtemp(path.join(tmpdir(), 'throughline-soak-'));
const stack = await startStack({
  storageDir,
  ...{
    onLog: () => undefined,
    onStep: () => undefined,
    ports: { http: 0, nats: 0, natsWebSocket: 0, otlp: 0 },
  },
  ...{ tracing: false, worker: { WORKER_CONCURRENCY: '100' } },
});
const body = JSON.stringify({ jobs: Array(BATCH).fill({ operation: 'echo', input: 1 }) });
const headers = { authorization: `Bearer ${stack.apiKey}`, 'content-type': 'application/json' };
try {
  print('jobs', 'jobs/s', 'workerd', 'worker', 'nats-server (MiB)');
  for (let step = 1; step <= STEPS; step++) {
    const began = performance.now();
    await submit(JOBS / STEPS);
    await drained();
    const perSecond = (JOBS / STEPS / (performance.now() - began)) * 1_000;
    const memory = [workerdPid(), stack.worker.pid, stack.nats.pid].map((pid) => residentMib(pid).toFixed(0));
    print(((JOBS / STEPS) * step).toFixed(0), perSecond.toFixed(0), ...memory);
  }
} finally {
  await stack.stop();
  await rm(storageDir, { recursive: true, force: true });
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

/** Until the worker has ended what is queued: no more jobs are running or waiting. */
async function drained(): Promise<void> {
  for (;;) {
    const answer = await fetch(`${stack.url}/v1/jobs?state=queued&limit=1`, { headers });
    const { jobs, complete } = (await answer.json()) as { jobs: unknown[]; complete: boolean };
    if (complete && jobs.length === 0) return;
    await delay(DRAIN_POLL_MS);
  }
}

function print(...cells: readonly string[]): void {
  process.stdout.write(`${cells.map((cell) => cell.padStart(9)).join(' ')}\n`);
}
