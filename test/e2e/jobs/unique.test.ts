import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { BatchReport } from '../../../shared/api/answers/batch-report.ts';
import { Job } from '../../../shared/job/job.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { resultsOf } from '../../support/http/answers.ts';
import { jobEnded, readJob } from '../../support/jobs.ts';
import { until } from '../../support/poll.ts';
import { problemOf, startTestStack, type TestStack } from '../../support/stack.ts';

interface Answer {
  readonly id: string;
  readonly status: number;
  readonly existing: boolean;
  readonly job: Job;
}

const echo = (key: string, rule: Record<string, unknown> = {}) => ({
  operation: 'echo',
  input: 1,
  unique: { key, while: 'running', ...rule },
});

/** A job that waits in the queue until it is cancelled. */
const later = (key: string, rule: Record<string, unknown> = {}) => ({ ...echo(key, rule), delay: '1h' });

/** A job that runs for a moment. */
const nap = (key: string, ms: number, rule: Record<string, unknown> = {}) => ({
  ...echo(key, rule),
  operation: 'test.mode',
  input: { mode: 'nap', ms, effects: '/dev/null' },
});

/** A job that runs until `end` is called. */
async function held(key: string) {
  const gate = path.join(await scratchFolder(), 'gate');
  await writeFile(gate, '');
  const job = { ...echo(key), operation: 'test.mode', input: { mode: 'hold-while', gate } };
  return { job, end: () => rm(gate) };
}

async function send(stack: TestStack, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await stack.submit(body, headers);
  const job = Job.parse(await response.json());
  const existing = response.headers.get('unique-existing') === 'true';
  return { id: job.id, status: response.status, existing, job };
}

async function batch(stack: TestStack, jobs: readonly unknown[]): Promise<BatchReport['results']> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ jobs });
  const response = await stack.call('/v1/jobs/batch', { method: 'POST', headers, body });
  return await resultsOf(response);
}

describe('jobs with a unique key', () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startTestStack({
      operationsFolder: 'test/fixtures/operations',
      storageDir: await scratchFolder(),
      // Keys must find the bridge of their jobs.
      edge: { BRIDGE_SHARDS: '4' },
      tracing: false,
    });
    await stack.run('echo', 'ready');
  });

  it('the job that is there is the answer: 200, and a header says so', async () => {
    const first = await send(stack, later('a'));
    expect([first.status, first.existing]).toEqual([202, false]);
    const second = await send(stack, later('a'));
    expect(second).toMatchObject({ id: first.id, status: 200, existing: true, job: { state: 'queued' } });
    expect((await send(stack, later('b'))).existing).toBe(false);
  });

  it('fifty submissions at the same moment make one job, for each of several keys', async () => {
    const keys = ['one', 'two', 'three', 'four'];
    const answers = await Promise.all(
      keys.flatMap((key) => Array.from({ length: 50 }, () => send(stack, later(key)))),
    );
    expect(answers.filter(({ existing }) => !existing)).toHaveLength(keys.length);
    expect(new Set(answers.map(({ id }) => id)).size).toBe(keys.length);
  });

  it('a batch that holds a key twice makes one job', async () => {
    const results = await batch(stack, [later('batch'), later('other'), later('batch')]);
    expect(results.map(({ status }) => status)).toEqual([202, 202, 200]);
    const [first, , third] = results.map((result) => ('job' in result ? result : undefined));
    expect(third).toMatchObject({ existing: true, job: { id: first?.job.id } });
    expect(first).not.toHaveProperty('existing');
  });

  it('a job that is cancelled or has ended makes room at once', async () => {
    const first = await send(stack, later('room'));
    await stack.call(`/v1/jobs/${first.id}`, { method: 'DELETE' });
    const second = await send(stack, echo('room'), { prefer: 'wait=20' });
    expect(second).toMatchObject({ status: 200, existing: false, job: { state: 'succeeded' } });
    expect((await send(stack, echo('room'))).existing).toBe(false);
  });

  it('a job that runs counts until it ends, or until it has started, as the submission says', async () => {
    const { job, end } = await held('run');
    const first = await send(stack, job);
    await until('the job to run', async () => (await readJob(stack, first.id)).state === 'running');
    expect((await send(stack, nap('run', 1))).id).toBe(first.id);
    const queued = await send(stack, nap('run', 1, { while: 'queued' }));
    expect(queued.existing).toBe(false);
    await end();
    await jobEnded(stack, first.id);
    await jobEnded(stack, queued.id);
    expect((await send(stack, nap('run', 1))).existing).toBe(false);
  });

  it('a job counts no longer than its time', async () => {
    const first = await send(stack, later('period'));
    expect((await send(stack, later('period', { for: '1h' }))).id).toBe(first.id);
    await until('its time to be over', async () => Date.now() > Date.parse(first.job.acceptedAt) + 5);
    expect((await send(stack, later('period', { for: '1ms' }))).existing).toBe(false);
  });

  it('a caller that waits gets the end of the job that was there', async () => {
    const first = await send(stack, nap('wait', 1_000));
    const second = await send(stack, nap('wait', 1), { prefer: 'wait=20' });
    expect(second).toMatchObject({ id: first.id, existing: true, job: { state: 'succeeded' } });
  });

  it('an idempotency key stands for the answer of its first request', async () => {
    const { job, end } = await held('keyed');
    const first = await send(stack, job, { 'idempotency-key': 'k1' });
    const second = await send(stack, nap('keyed', 1), { 'idempotency-key': 'k2' });
    expect([second.id, second.existing]).toEqual([first.id, true]);
    await end();
    await jobEnded(stack, first.id);
    const again = await stack.submit(nap('keyed', 1), { 'idempotency-key': 'k2' });
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await again.json()).toMatchObject({ id: first.id, state: 'succeeded' });
    const other = await stack.submit(nap('keyed', 2), { 'idempotency-key': 'k2' });
    expect(await problemOf(other)).toMatchObject({ code: 'idempotency-key-reused' });
    expect((await send(stack, nap('keyed', 1), { 'idempotency-key': 'k3' })).existing).toBe(false);
  });

  it('cannot have an ordering key, and say what is wrong with their rule', async () => {
    const refused = async (body: unknown): Promise<string[]> => {
      const { violations = [] } = await problemOf(await stack.submit(body));
      return violations.map(({ path }) => path);
    };
    expect(await refused({ ...echo('x'), orderingKey: 'k' })).toEqual(['/unique']);
    expect(await refused(echo('', { while: 'ended', for: '31d' }))).toEqual([
      '/unique/key',
      '/unique/while',
      '/unique/for',
    ]);
  });

  it('are known to the next edge after the edge has died', async () => {
    const first = await send(stack, later('restart'));
    await stack.stopEdge();
    await stack.restartEdge();
    const answers = await Promise.all(Array.from({ length: 10 }, () => send(stack, later('restart'))));
    expect(new Set(answers.map(({ id }) => id))).toEqual(new Set([first.id]));
  });
});

it('while NATS is away, fifty submissions with a unique key make one job, which runs later', async () => {
  const stack = await startTestStack({ storageDir: await scratchFolder(), tracing: false });
  const before = await send(stack, later('known'));
  await stack.nats.kill('SIGKILL');
  await until('the edge to notice', async () => (await stack.call('/readyz')).status === 503);
  const answers = await Promise.all(Array.from({ length: 50 }, () => send(stack, echo('outage'))));
  const [first] = answers;
  expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
  expect(first?.job.durability).toBe('outbox');
  // Nobody can tell how a job stands that NATS has.
  expect(await problemOf(await stack.submit(later('known')))).toMatchObject({ code: 'broker-unavailable' });
  await stack.stopEdge();
  await stack.restartEdge();
  expect((await send(stack, echo('outage'))).id).toBe(first?.id);
  await stack.nats.restart();
  expect((await jobEnded(stack, first?.id ?? '')).state).toBe('succeeded');
  expect((await send(stack, later('known'))).id).toBe(before.id);
  expect((await send(stack, echo('outage'))).existing).toBe(false);
});
