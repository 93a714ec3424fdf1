import { beforeAll, describe, expect, it } from 'vitest';
import { DeadLetterDetail } from '../../../shared/api/answers/dead-letter.ts';
import type { JobEvent } from '../../../shared/job/event.ts';
import { Job } from '../../../shared/job/job.ts';
import { shortName } from '../../../shared/trace/short-name.ts';
import { bodyOf } from '../../support/http/answers.ts';
import { connectTo, jobEnded, readJob, submitJob } from '../../support/jobs.ts';
import { eventsByJob } from '../../support/nats/stored.ts';
import { until } from '../../support/poll.ts';
import { startTestStack, type TestStack, withTestStack } from '../../support/stack.ts';

/** What the fixture `test.author` puts into errors that are not for callers. */
const SECRET = 'app:pw@10.1.2.3';
const FIXTURES = { operationsFolder: 'test/fixtures/operations' };

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ ...FIXTURES, worker: { WORKER_ACK_WAIT_MS: '5000' } });
});

const run = async (how: string, value: string, more: object = {}): Promise<Job> => {
  const { id } = await submitJob(stack, 'test.author', { how, value }, { ...more });
  return await jobEnded(stack, id);
};

async function historyOf(id: string): Promise<readonly JobEvent[]> {
  return (await eventsByJob(await connectTo(stack))).get(id) ?? [];
}

/** The log lines about a job, once its last one is there. */
async function linesAbout({ id }: Pick<Job, 'id'>): Promise<Record<string, unknown>[]> {
  await stack.logged(({ job_id, state }) => job_id === id && (state === 'succeeded' || state === 'failed'));
  return stack.logs().filter(({ job_id }) => job_id === id);
}

describe('W16: a delay that an author asks for', () => {
  it.each(['undefined', 'nan', 'text', 'bigint', 'symbol', 'map', 'hostile'])(
    'is that of the retry policy if it is no number, and lifts no limit: %s',
    async (value) => {
      const job = await run('retry after', value);
      expect(job).toMatchObject({ state: 'failed', attempt: 3, maxAttempts: 3, error: { message: 'busy' } });
      const kinds = (await historyOf(job.id)).map(({ kind }) => kind);
      expect(kinds).toEqual(['started', 'retrying', 'started', 'retrying', 'started', 'failed']);
      const [warning] = (await linesAbout(job)).filter(({ level }) => level === 'warn');
      expect(String(warning?.reason)).toMatch(/^retryAfter was given /);
    },
  );

  it('is waited for, even if it is not a whole number', async () => {
    const { id } = await submitJob(stack, 'test.author', { how: 'retry after', value: 'fraction' });
    const [again, before] = await until('the second attempt', async () => {
      const history = await historyOf(id);
      const second = history.find(({ kind, attempt }) => kind === 'started' && attempt === 2);
      return second && ([second, history.find(({ kind }) => kind === 'retrying')] as const);
    });
    expect(before?.retryInMs).toBe(6_000);
    expect(Date.parse(again.at) - Date.parse(before?.at ?? '')).toBeGreaterThanOrEqual(5_900);
  });
});

describe('what an author throws', () => {
  it.each([
    'undefined',
    'hostile',
    'error',
    'other realm',
    'with causes',
    'aggregate',
    'circle',
    'symbol',
    'promise',
  ])('spends the attempts, and the caller reads a general sentence: %s', async (value) => {
    const job = await run('throw', value, { maxAttempts: 2 });
    expect(job).toMatchObject({ state: 'failed', attempt: 2, maxAttempts: 2 });
    expect(job.error).toEqual({
      code: 'operation-failed',
      message: `the operation failed; trace ${job.traceId}`,
    });
    expect(JSON.stringify(job)).not.toContain(SECRET);
  });

  it.each([
    ['retry', { state: 'failed', attempt: 3, error: { message: 'busy' } }],
    ['retry after', { state: 'failed', attempt: 3, error: { message: 'busy' } }],
    ['reject', { state: 'failed', attempt: 1, error: { code: 'operation-rejected', message: 'never' } }],
    ['done', { state: 'succeeded', result: 7 }],
  ])('counts as returned if it is an outcome: %s', async (value, end) => {
    expect(await run('throw', value)).toMatchObject(end);
  });

  it('is read by the caller if it is a job error, with the job errors that caused it', async () => {
    const job = await run('throw', 'job error', { maxAttempts: 1 });
    expect(job.error).toEqual({
      code: 'operation-failed',
      message: 'the card was declined; cause: by the bank',
    });
  });

  it('stands in the log, on the span and in the dead letter, with stack and causes', async () => {
    const job = await run('throw', 'with causes', { maxAttempts: 1 });
    const wanted =
      /^Error: top\n +at .*author\.ts:\d+:\d+[\s\S]*\ncaused by: TypeError: middle\n[\s\S]*\ncaused by: Error: postgres/;
    const [line] = (await linesAbout(job)).filter(({ msg }) => msg === 'attempt failed');
    expect(line).toMatchObject({
      code: 'operation-failed',
      reason: expect.stringContaining('top; cause: middle; cause: postgres'),
    });
    expect(line?.stack).toMatch(wanted);
    const spans = await stack.collector.waitForSpans(
      job.traceId,
      (all) => all.some((span) => shortName(span) === 'process test.author'),
      60_000,
    );
    const [exception] = spans.find((span) => shortName(span) === 'process test.author')?.events ?? [];
    expect(exception).toMatchObject({ name: 'exception', attributes: { 'exception.type': 'Error' } });
    expect(exception?.attributes['exception.stacktrace']).toMatch(wanted);
    const letter = DeadLetterDetail.parse(await (await stack.call(`/v1/dead-letters/${job.id}`)).json());
    expect(letter.message).toContain('top; cause: middle; cause: postgres');
    expect(letter.detail).toMatch(wanted);
  });
});

describe('a result', () => {
  it.each([
    ['map', 'it is a Map'],
    ['set', 'it is a Set'],
    ['response', 'it is a Response'],
    ['error', 'it is an Error'],
    ['bigint', 'it is a BigInt'],
    ['nan', 'it is NaN'],
    ['holes', '/0 is undefined'],
    ['circle', '/0/list is a circle'],
    ['invalid date', 'it is an invalid Date'],
  ])(
    'that JSON would lose fails the job in its first attempt, and says what it is: %s',
    async (value, what) => {
      const job = await run('return', value);
      expect(job).toMatchObject({ state: 'failed', attempt: 1, error: { code: 'operation-rejected' } });
      expect(job.error?.message).toContain(what);
    },
  );

  it('that is larger than NATS takes fails the job in its first attempt, and says both sizes', async () => {
    const small = await withTestStack({ ...FIXTURES, natsConfig: 'max_payload: 65536', tracing: false });
    const { id } = await submitJob(small, 'test.author', { how: 'large', count: 500_000 });
    const job = await jobEnded(small, id);
    expect(job).toMatchObject({ state: 'failed', attempt: 1, error: { code: 'result-too-large' } });
    expect(job.error?.message).toMatch(/500002 bytes.* 6[45][0-9]{3} /);
    expect(job.attempts).toHaveLength(1);
  });
});

it.each<[string, object, Record<string, string>]>([
  ['alone', {}, {}],
  ['with a callback', { callback: { url: `https://example.com/${'p'.repeat(500)}` } }, {}],
  ['with baggage', {}, { baggage: `a=${'b'.repeat(4_000)}` }],
])('a result is stored up to the last byte that NATS takes: %s', async (_what, more, headers) => {
  const small = await withTestStack({ ...FIXTURES, natsConfig: 'max_payload: 65536', tracing: false });
  const run = async (count: number): Promise<Job> => {
    const body = { operation: 'test.author', input: { how: 'large', count }, ...more };
    const response = await small.submit(body, headers);
    const { id } = await bodyOf(Job, response);
    return await jobEnded(small, id);
  };
  const refused = await run(65_536);
  const [, limit] = /at most (\d+) can be stored/.exec(refused.error?.message ?? '') ?? [];
  // The result is a text: two of its bytes are quotes.
  const most = Number(limit) - 2;
  expect(await run(most)).toMatchObject({ state: 'succeeded', attempt: 1 });
  expect(await run(most + 1)).toMatchObject({ state: 'failed', error: { code: 'result-too-large' } });
});

describe('progress that is not valid', () => {
  it.each(['undefined', 'nan', 'text', 'circle', 'hostile', 'bigint'])(
    'fails no job, and its author is told once: %s',
    async (value) => {
      const job = await run('progress', value);
      expect(job).toMatchObject({ state: 'succeeded', result: { attempt: 1 } });
      const warnings = (await linesAbout(job)).filter(({ level }) => level === 'warn');
      expect(warnings).toHaveLength(1);
      expect(String(warnings[0]?.reason)).toMatch(/^progress was not reported: /);
    },
  );
});

describe('a log line of an author', () => {
  it('leaves our fields as they are, and says whose it is', async () => {
    const job = await run('log', 'error');
    const lines = await linesAbout(job);
    expect(lines.find(({ msg }) => msg === 'a line of the author')).toMatchObject({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-/),
      trace_id: job.traceId,
      operation: 'test.author',
      data: {
        level: 'x',
        time: 1,
        trace_id: 'x',
        msg: 'x',
        job_id: 'x',
        given: expect.stringContaining('Error: '),
      },
    });
    const end = lines.find(({ msg }) => msg === 'job ended');
    expect(end).toMatchObject({ operation: 'test.author', duration_ms: expect.any(Number) });
  });

  it.each(['hostile', 'circle', 'symbol', 'undefined'])(
    'fails no job, whatever it is given: %s',
    async (value) => {
      expect(await run('log', value)).toMatchObject({ state: 'succeeded' });
    },
  );
});

it('a job that ends the process fails, and the host stops gracefully: a job beside it loses no attempt', async () => {
  const own = await withTestStack({ ...FIXTURES, tracing: false });
  const long = await submitJob(own, 'test.author', { how: 'nap', count: 5_000 });
  await until('the long job to run', async () => (await readJob(own, long.id)).state === 'running');
  const culprit = await submitJob(own, 'test.author', { how: 'exit', count: 0 }, { maxAttempts: 1 });
  expect(await own.worker.exited).toBe(1);
  expect(await readJob(own, long.id)).toMatchObject({ state: 'succeeded', attempt: 1 });
  expect(await readJob(own, culprit.id)).toMatchObject({
    state: 'failed',
    error: { code: 'operation-failed' },
  });
  expect(await own.logged(({ msg }) => msg === 'an error was left behind; the worker stops')).toMatchObject([
    { job_id: culprit.id, reason: 'process.exit(0) was called', stack: expect.stringContaining('author.ts') },
  ]);
});

it('a job that leaves an error behind while it runs spends one attempt, however many hosts it stops', async () => {
  const own = await withTestStack({ ...FIXTURES, worker: { WORKER_STOP_TIMEOUT_MS: '500' } });
  const input = { how: 'break', value: 'error', count: 60_000 };
  const { id } = await submitJob(own, 'test.author', input, { maxAttempts: 2 });
  expect(await own.worker.exited).toBe(1);
  const second = await own.addWorker();
  expect(await second.exited).toBe(1);
  const job = await readJob(own, id);
  expect(job).toMatchObject({ state: 'failed', attempt: 2, error: { code: 'operation-failed' } });
  expect(JSON.stringify(job)).not.toContain(SECRET);
  const letter = DeadLetterDetail.parse(await (await own.call(`/v1/dead-letters/${id}`)).json());
  expect(letter.detail).toContain(SECRET);
});

describe('errors that a job leaves behind', () => {
  it('are one graceful stop: the log names the job, and a long job beside it loses no attempt', async () => {
    const own = await withTestStack({ ...FIXTURES, worker: { WORKER_STOP_TIMEOUT_MS: '20000' } });
    const long = await submitJob(own, 'test.author', { how: 'nap', count: 6_000 });
    await until('the long job to run', async () => (await readJob(own, long.id)).state === 'running');
    const culprit = await submitJob(own, 'test.author', { how: 'leave behind', value: 'error', count: 4 });
    expect(await own.worker.exited).toBe(1);
    expect(await readJob(own, long.id)).toMatchObject({
      state: 'succeeded',
      attempt: 1,
      result: { attempt: 1 },
    });
    await own.logged(({ msg }) => msg === 'worker stopped');
    const left = own.logs().filter(({ msg }) => msg === 'an error was left behind; the worker stops');
    expect(left).toHaveLength(4);
    for (const line of left) {
      expect(line).toMatchObject({ level: 'error', job_id: culprit.id, operation: 'test.author' });
      expect(line.stack).toContain('author.ts');
    }
    const words = own.logs().map(({ msg }) => msg);
    expect(words.filter((msg) => msg === 'worker stopping')).toHaveLength(1);
    expect(words.filter((msg) => msg === 'worker stopped')).toHaveLength(1);
    await own.collector.waitForSpans(
      long.traceId,
      (all) => all.some((span) => shortName(span) === 'process test.author'),
      60_000,
    );
  });
});
