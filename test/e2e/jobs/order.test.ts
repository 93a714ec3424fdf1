import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BatchReport } from '../../../shared/api/answers/batch-report.ts';
import { UsageReport } from '../../../shared/api/usage.ts';
import { jobEnded, submitJob } from '../../support/jobs.ts';
import { until } from '../../support/poll.ts';
import { type TestStack, withTestStack } from '../../support/stack.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'throughline-order-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const KEYS = ['customer 1', 'customer 2', 'customer 3', 'a/b:c'];
const JOBS_OF_KEY = 12;

async function submitAll(stack: TestStack, jobs: readonly Record<string, unknown>[]): Promise<string[]> {
  const ids: string[] = [];
  for (const job of jobs) {
    const { operation, input, ...more } = job;
    ids.push((await submitJob(stack, String(operation), input, more)).id);
  }
  return ids;
}

/** The ids of the jobs in the order in which their attempts began. */
async function begun(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => line.split(' ')[0] || []);
}

describe('jobs with an ordering key', () => {
  it('Q6: run one after the other, retries included, on several hosts, one of which is killed', async () => {
    const worker = { WORKER_ACK_WAIT_MS: '2000', WORKER_CONCURRENCY: '8' };
    const stack = await withTestStack({
      operationsFolder: 'test/fixtures/operations',
      worker,
      tracing: false,
    });
    await stack.addWorker({ WORKER_NAME: 'second' });
    const file = path.join(directory, 'ordered');
    const jobs = Array.from({ length: JOBS_OF_KEY }, (_, n) =>
      KEYS.map((orderingKey) => ({
        operation: 'test.mode',
        orderingKey,
        // Some fail at first, and all of them take a moment.
        input:
          n % 4 === 1
            ? { mode: 'fail-until', until: 2, effects: file }
            : { mode: 'nap', ms: 20, effects: file },
      })),
    ).flat();
    const ids = await submitAll(stack, jobs);
    await until('some jobs to run', async () => (await begun(file)).length > 4);
    await stack.worker.kill('SIGKILL');
    for (const id of ids) expect((await jobEnded(stack, id)).state).toBe('succeeded');
    const order = await begun(file);
    for (const [place, key] of KEYS.entries()) {
      const own = ids.filter((_, n) => n % KEYS.length === place);
      const last = own.map((id) => order.lastIndexOf(id));
      const first = own.map((id) => order.indexOf(id));
      // No job began before the last attempt of its elder.
      for (let n = 1; n < own.length; n++)
        expect([key, first[n]]).toEqual([key, Math.max(first[n] ?? 0, (last[n - 1] ?? 0) + 1)]);
    }
  });

  it('Q8: keep the order of a batch, even if their operations differ', async () => {
    const stack = await withTestStack({ operationsFolder: 'test/fixtures/operations', tracing: false });
    const file = path.join(directory, 'batch');
    // The edge knows the rules of one operation, and has to ask for those of the other.
    await stack.run('echo', 1);
    const jobs = Array.from({ length: 30 }, (_, n) =>
      n % 3 === 0
        ? { operation: 'echo', input: n, orderingKey: 'k' }
        : { operation: 'test.mode', orderingKey: 'k', input: { mode: 'nap', ms: 1, effects: file } },
    );
    const response = await stack.call('/v1/jobs/batch', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'batch' },
      body: JSON.stringify({ jobs }),
    });
    const ids = BatchReport.parse(await response.json()).results.flatMap((result) =>
      'job' in result ? result.job.id : [],
    );
    expect(ids.length).toBe(jobs.length);
    const ended = await Promise.all(ids.map((id) => jobEnded(stack, id)));
    const starts = ended.map(({ attempts = [] }) => Date.parse(attempts[0]?.startedAt ?? ''));
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    expect([...new Set(await begun(file))]).toEqual(ids.filter((_, n) => n % 3 !== 0));
  });

  it('have no priority', async () => {
    const stack = await withTestStack({ operationsFolder: 'test/fixtures/operations', tracing: false });
    const response = await stack.submit({ operation: 'echo', input: 1, orderingKey: 'k', priority: 'high' });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ violations: [{ path: '/priority' }] });
  });
});

it('urgent jobs run before others that wait, and jobs of low priority have their share', async () => {
  const stack = await withTestStack({
    operationsFolder: 'test/fixtures/operations',
    worker: { WORKER_CONCURRENCY: '1' },
    tracing: false,
  });
  const file = path.join(directory, 'urgent');
  const job = (priority: string) => ({
    operation: 'test.mode',
    priority,
    input: { mode: 'nap', ms: 1, effects: file },
  });
  // The first job holds the only slot until the others wait.
  const gate = path.join(directory, 'gate');
  await writeFile(gate, '');
  const hold = { mode: 'hold-while', gate, effects: file };
  const [holder = ''] = await submitAll(stack, [{ operation: 'test.mode', input: hold }]);
  await until('the first job to run', async () => (await begun(file)).includes(holder));
  const low = await submitAll(
    stack,
    Array.from({ length: 30 }, () => job('low')),
  );
  const high = await submitAll(
    stack,
    Array.from({ length: 60 }, () => job('high')),
  );
  await rm(gate);
  for (const id of [...low, ...high]) expect((await jobEnded(stack, id)).state).toBe('succeeded');
  const order = (await begun(file)).filter((id) => id !== holder);
  const isLow = (id: string): boolean => low.includes(id);
  const untilHighEnded = order.slice(
    0,
    order.findLastIndex((id) => high.includes(id)),
  );
  expect(untilHighEnded.filter(isLow).length).toBeGreaterThan(1);
  expect(untilHighEnded.filter(isLow).length).toBeLessThan(20);
});

it('Q5: a job of low priority ends although urgent jobs never end', async () => {
  const stack = await withTestStack({
    operationsFolder: 'test/fixtures/operations',
    worker: { WORKER_CONCURRENCY: '2' },
    tracing: false,
  });
  const file = path.join(directory, 'endless');
  const job = (priority: string) => ({
    operation: 'test.mode',
    priority,
    input: { mode: 'nap', ms: 5, effects: file },
  });
  let over = false;
  let waiting = 0;
  /** Keeps at least a hundred urgent jobs in the queue. */
  const urgent = async (): Promise<void> => {
    while (!over) {
      const usage = UsageReport.parse(await (await stack.call('/v1/usage')).json());
      waiting = usage.used.jobs;
      if (waiting > 200) continue;
      await stack.call('/v1/jobs/batch', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jobs: Array.from({ length: 100 }, () => job('high')) }),
      });
    }
  };
  const keeping = urgent();
  await until('urgent jobs to wait', () => waiting > 100);
  const low = await submitAll(
    stack,
    Array.from({ length: 10 }, () => job('low')),
  );
  for (const id of low) expect((await jobEnded(stack, id)).state).toBe('succeeded');
  // The low ones may be among those that were counted last.
  expect(waiting).toBeGreaterThan(low.length);
  over = true;
  await keeping;
});
