import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { startWorkerProcess, type WorkerProcess } from '../../../dev/worker/start.ts';
import type { Job } from '../../../shared/job/job.ts';
import { jobEnded } from '../../support/jobs.ts';
import { until } from '../../support/poll.ts';
import { type TestStack, withTestStack } from '../../support/stack.ts';
import { submit } from '../support/authors-load.ts';

const FOLDER = 'test/fixtures/deploy';
const PER_SECOND = 100;
/** So many jobs come between two hosts. */
const BETWEEN = 3 * PER_SECOND;
const P99_MS = 2_000;
/** What the machine must be able to do, so that the figures mean something. */
const LEAST_PER_SECOND = 0.8 * PER_SECOND;

async function startHost(
  stack: TestStack,
  version: 'before' | 'after',
  name: string,
  onLog: (line: string) => void,
): Promise<WorkerProcess> {
  const worker = await startWorkerProcess({
    environment: { NATS_URL: stack.nats.url, HEALTH_PORT: '0', WORKER_NAME: name, WORKER_VERSION: version },
    operationsFolder: `${FOLDER}/${version}`,
    onLog,
  });
  onTestFinished(() => worker.stop());
  return worker;
}

/** Submits jobs of these operations in turn, at a steady rate, until it is told to stop. */
function steadyLoad(stack: TestStack, operations: () => readonly string[]) {
  const submitted: Promise<Job>[] = [];
  const began = performance.now();
  let isOver = false;
  const next = (): Promise<Job> => {
    const names = operations();
    const n = submitted.length;
    return submit(stack, { operation: names[n % names.length], input: { n } });
  };
  const submitAll = async (): Promise<void> => {
    while (!isOver) {
      const due = ((performance.now() - began) / 1_000) * PER_SECOND;
      while (submitted.length < due) submitted.push(next());
      await delay(1_000 / PER_SECOND);
    }
  };
  const running = submitAll();
  const stop = async () => {
    isOver = true;
    await running;
    const perSecond = submitted.length / ((performance.now() - began) / 1_000);
    return { jobs: await Promise.all(submitted), perSecond };
  };
  return { submitted, stop };
}

async function endsOf(stack: TestStack, jobs: readonly Job[]): Promise<Job[]> {
  const left = [...jobs];
  const ended: Job[] = [];
  const work = async (): Promise<void> => {
    for (let job = left.pop(); job !== undefined; job = left.pop())
      ended.push(await jobEnded(stack, job.id, 60_000));
  };
  await Promise.all(Array.from({ length: 20 }, work));
  return ended;
}

it(`W11: three hosts are restarted one after the other with a changed and a new operation, under ${PER_SECOND} jobs per second: every job succeeds at its first attempt, and 99 of 100 wait less than ${P99_MS} ms`, async () => {
  const stack = await withTestStack({ operationsFolder: `${FOLDER}/before`, tracing: false });
  await stack.worker.stop();
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);
  const hosts = await Promise.all(['1', '2', '3'].map((name) => startHost(stack, 'before', name, log)));
  let operations = ['deploy.kept', 'deploy.changed'];
  const load = steadyLoad(stack, () => operations);
  const untilMore = async (): Promise<void> => {
    const goal = load.submitted.length + BETWEEN;
    await until('more jobs', () => load.submitted.length >= goal, 120_000);
  };
  for (const [index, old] of hosts.entries()) {
    await untilMore();
    await old.stop();
    await startHost(stack, 'after', String(index + 1), log);
    // Callers use the new operation as soon as one host has it.
    operations = ['deploy.kept', 'deploy.changed', 'deploy.added'];
  }
  await untilMore();
  const { jobs, perSecond } = await load.stop();
  const ended = await endsOf(stack, jobs);
  const waits = ended
    .map(({ acceptedAt, startedAt = '' }) => Date.parse(startedAt) - Date.parse(acceptedAt))
    .sort((a, b) => a - b);
  const quantile = (part: number): number => waits[Math.ceil(part * waits.length) - 1] ?? Number.NaN;
  const missing = lines.filter((line) => line.includes('does not have the operation')).length;
  const figures = `p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms, longest ${quantile(1)} ms`;
  process.stderr.write(
    `\nrolling restart: ${ended.length} jobs, ${perSecond.toFixed(0)} per second; waited ${figures}; ${missing} deliveries handed back by a host without the operation\n`,
  );
  expect(perSecond).toBeGreaterThan(LEAST_PER_SECOND);
  for (const job of ended) expect(job).toMatchObject({ state: 'succeeded', attempt: 1 });
  expect(missing).toBeGreaterThan(0);
  expect(quantile(0.99)).toBeLessThan(P99_MS);
});
