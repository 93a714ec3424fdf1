import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { jetstream } from '@nats-io/jetstream';
import { beforeAll, describe, expect, it } from 'vitest';
import { BatchReport } from '../../../shared/api/answers/batch-report.ts';
import { OperationList } from '../../../shared/api/answers/operation-list.ts';
import { Job } from '../../../shared/job/job.ts';
import { jobSubject } from '../../../shared/wire/subjects.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { connectTo, jobEnded, readJob, submitJob, untilQueueEmpty } from '../../support/jobs.ts';
import { expectRate, mostAtOnce, startsOf } from '../../support/nats/limits.ts';
import { until } from '../../support/poll.ts';
import { type TestStack, withTestStack } from '../../support/stack.ts';
import { tenants } from '../../support/tenants.ts';

const TENANT = 'demo';
const SETTINGS: Readonly<Record<string, string>> = { WORKER_ACK_WAIT_MS: '2000', WORKER_CONCURRENCY: '8' };
const TIMEOUT_MS = 90_000;

let directory: string;
beforeAll(async () => {
  directory = await scratchFolder();
});

/** A stack with several hosts. */
async function fleet(
  hosts: number,
  edge: Record<string, string> = {},
  worker = SETTINGS,
): Promise<TestStack> {
  const stack = await withTestStack({
    operationsFolder: 'test/fixtures/limited/before',
    worker,
    edge,
    tracing: false,
  });
  for (let n = 2; n <= hosts; n++) await stack.addWorker({ WORKER_NAME: `host-${n}` });
  return stack;
}

async function submitAll(
  stack: TestStack,
  operation: string,
  inputs: readonly unknown[],
  more: Record<string, unknown> = {},
): Promise<string[]> {
  const ids: string[] = [];
  for (const input of inputs) ids.push((await submitJob(stack, operation, input, more)).id);
  return ids;
}

async function submitBatch(stack: TestStack, jobs: readonly unknown[]): Promise<string[]> {
  const response = await stack.call('/v1/jobs/batch', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jobs }),
  });
  const { results } = BatchReport.parse(await response.json());
  return results.flatMap((result) => ('job' in result ? result.job.id : []));
}

async function allSucceeded(stack: TestStack, ids: readonly string[]): Promise<Job[]> {
  const jobs: Job[] = [];
  for (const id of ids) jobs.push(await jobEnded(stack, id, TIMEOUT_MS));
  expect(jobs.filter(({ state }) => state !== 'succeeded')).toEqual([]);
  return jobs;
}

const many = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n));

it('GET /v1/operations shows the limits', async () => {
  const stack = await fleet(1);
  const { operations } = OperationList.parse(await (await stack.call('/v1/operations')).json());
  expect(operations.find(({ name }) => name === 'limited.both')).toMatchObject({
    concurrency: { key: 'tenant', limit: 3 },
    rateLimit: { key: '/customer', limit: 4, periodMs: 1_000 },
  });
});

describe('a rate limit', () => {
  it('holds in each window, as the events show, with several hosts of which one is killed, with retries, redrives and raw producers', async () => {
    const stack = await fleet(3);
    const nats = await connectTo(stack);
    const cure = path.join(directory, 'cure');
    const ids = await submitAll(
      stack,
      'limited.rate',
      many(24, (n) => ({
        customer: 'a',
        ...(n % 6 === 1 ? { until: 2 } : {}),
        ...(n % 6 === 2 ? { cure } : {}),
      })),
    );
    const others = await submitAll(
      stack,
      'limited.rate',
      many(8, () => ({ customer: 'b' })),
    );
    const raw = many(6, (n) => `raw-${n}`);
    for (const jobId of raw)
      await jetstream(nats).publish(
        jobSubject({ tenant: TENANT, jobId, operation: 'limited.rate' }),
        JSON.stringify({ customer: 'a' }),
      );
    await until('some jobs to start', async () => (await startsOf(nats, ids)).length > 6);
    await stack.worker.kill('SIGKILL');
    const sick = ids.filter((_, n) => n % 6 === 2);
    for (const id of sick) expect((await jobEnded(stack, id, TIMEOUT_MS)).state).toBe('failed');
    await writeFile(cure, '');
    for (const id of sick) {
      const response = await stack.call(`/v1/dead-letters/${id}/redrive`, { method: 'POST' });
      expect(response.status).toBe(202);
    }
    await allSucceeded(stack, [...ids, ...others, ...raw]);
    const ofA = [...ids, ...raw];
    const starts = await startsOf(nats, ofA);
    expect(starts.length).toBeGreaterThanOrEqual(24 + 6 + 4 + 4);
    expectRate(starts, 4, 1_000);
    expectRate(await startsOf(nats, others), 4, 1_000);
    await untilQueueEmpty(nats);
  });
});

describe('a backlog of jobs with a limit of rate', () => {
  it('waits in DELAYED for its times, which its caller sees, counts as no delayed job of its caller, and can be cancelled', async () => {
    const stack = await fleet(2, { TENANT_MAX_DELAYED_JOBS: '1' });
    const nats = await connectTo(stack);
    // All at once: on a slow machine the first ones would have begun before the last one comes.
    const limited = many(26, () => ({ operation: 'limited.rate', input: { customer: 'a' } }));
    const ids = await submitBatch(stack, limited);
    const last = ids.pop() ?? '';
    const waiting = await readJob(stack, last);
    expect(waiting).toMatchObject({ state: 'queued', attempt: 0, dueBy: 'rateLimit' });
    expect(Date.parse(waiting.dueAt ?? '')).toBeGreaterThan(Date.parse(waiting.acceptedAt) + 3_000);
    const usage: unknown = await (await stack.call('/v1/usage')).json();
    expect(usage).toMatchObject({ used: { delayedJobs: 0 } });
    const cancelled = await stack.call(`/v1/jobs/${last}`, { method: 'DELETE' });
    expect(Job.parse(await cancelled.json()).state).toBe('cancelled');
    const jobs = await allSucceeded(stack, ids);
    expect(jobs.filter(({ attempt }) => attempt !== 1)).toEqual([]);
    // The times of the edge differ from those of the hosts by little, so hardly a job was handed back.
    expect(jobs.filter((job) => job.dueAt !== undefined || job.dueBy !== undefined)).toEqual([]);
    expectRate(await startsOf(nats, ids), 4, 1_000);
  });
});

describe('a limit of concurrency', () => {
  it('holds, as the events show, with several hosts of which one is killed and one stopped, and costs no attempt', async () => {
    const stack = await fleet(3);
    const nats = await connectTo(stack);
    const stopped = await stack.addWorker({ WORKER_NAME: 'stopped' });
    const ofA = await submitAll(
      stack,
      'limited.places',
      many(30, (n) => ({ customer: 'a', ms: 100, ...(n % 7 === 3 ? { until: 2 } : {}) })),
    );
    const ofB = await submitAll(
      stack,
      'limited.places',
      many(6, () => ({ customer: 'b', ms: 100 })),
    );
    await until('some jobs to start', async () => (await startsOf(nats, ofA)).length > 4);
    await stack.worker.kill('SIGKILL');
    const killedAt = Date.now();
    await stopped.stop();
    const jobs = await allSucceeded(stack, [...ofA, ...ofB]);
    // A job has a second attempt only if it failed on purpose, or was on the host that was killed.
    expect(jobs.filter(({ attempt }) => attempt > 1).length).toBeLessThanOrEqual(4 + 4);
    expect(await mostAtOnce(nats, ofA, killedAt)).toBe(2);
    // On a slow machine, no two of so few may meet.
    expect(await mostAtOnce(nats, ofB, killedAt)).toBeLessThanOrEqual(2);
    await untilQueueEmpty(nats);
  });

  it('holds beside a rate limit with another key', async () => {
    const stack = await fleet(2);
    const nats = await connectTo(stack);
    const ofA = await submitAll(
      stack,
      'limited.both',
      many(9, () => ({ customer: 'a', ms: 50 })),
    );
    const ofB = await submitAll(
      stack,
      'limited.both',
      many(9, () => ({ customer: 'b', ms: 50 })),
    );
    await allSucceeded(stack, [...ofA, ...ofB]);
    expectRate(await startsOf(nats, ofA), 4, 1_000);
    expectRate(await startsOf(nats, ofB), 4, 1_000);
    expect(await mostAtOnce(nats, [...ofA, ...ofB])).toBeLessThanOrEqual(3);
  });
});

describe('a backlog of limited jobs', () => {
  it('leaves the slots to other jobs of its tenant and to other tenants, is not lost, and can be cancelled', async () => {
    const { callers, API_KEYS } = await tenants('busy', 'quiet');
    // The backlog is longer than the number of messages of other lanes that may be under way.
    const stack = await fleet(2, { API_KEYS }, { ...SETTINGS, WORKER_MAX_ACK_PENDING: '40' });
    const nats = await connectTo(stack);
    const gate = path.join(directory, 'gate');
    const submit = async (tenant: keyof typeof callers, operation: string, input: unknown): Promise<string> =>
      Job.parse(await (await callers[tenant].submit(stack.url, { operation, input })).json()).id;
    const read = async (tenant: keyof typeof callers, id: string): Promise<Job> =>
      Job.parse(await (await callers[tenant].call(stack.url, `/v1/jobs/${id}`)).json());
    const ended = (tenant: keyof typeof callers, id: string): Promise<Job> =>
      until(`job ${id} to end`, async () => {
        const job = await read(tenant, id);
        return job.finishedAt !== undefined && job;
      });
    // More than all slots and all that wait in the hosts.
    const backlog: string[] = [];
    for (let n = 0; n < 120; n++)
      backlog.push(await submit('busy', 'limited.places', { customer: 'x', gate }));
    for (const tenant of ['busy', 'quiet'] as const) {
      for (let n = 0; n < 20; n++) {
        const id = await submit(tenant, 'free', {});
        expect(await ended(tenant, id)).toMatchObject({ state: 'succeeded', attempt: 1 });
      }
    }
    // The same key of another tenant is another key.
    expect((await ended('quiet', await submit('quiet', 'limited.places', { customer: 'x' }))).state).toBe(
      'succeeded',
    );
    const [cancelled, ...left] = backlog.toReversed();
    const answer = await callers.busy.call(stack.url, `/v1/jobs/${cancelled}`, { method: 'DELETE' });
    expect(Job.parse(await answer.json()).state).toBe('cancelled');
    const states = await Promise.all(left.map(async (id) => (await read('busy', id)).state));
    const queued = left.slice(2).map(() => 'queued');
    expect(states.toSorted()).toEqual([...queued, 'running', 'running']);
    await writeFile(gate, '');
    for (const id of left) {
      const job = await until(
        `job ${id} to end`,
        async () => {
          const now = await read('busy', id);
          return now.finishedAt !== undefined && now;
        },
        TIMEOUT_MS,
      );
      expect(job).toMatchObject({ state: 'succeeded', attempt: 1 });
    }
    expect(await mostAtOnce(nats, backlog)).toBe(2);
    await untilQueueEmpty(nats);
  }, 150_000);
});
