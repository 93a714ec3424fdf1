import { runInNewContext } from 'node:vm';
import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { ApiError } from '../../../../../client/errors.ts';
import { ThroughlineError } from '../../../../../shared/errors.ts';
import { LIMITS } from '../../../../../shared/job/limits.ts';
import { AttemptAbort } from '../../../../../worker-node/jobs/attempt/attempt-abort.ts';
import { JobError } from '../../../../../worker-node/operations/job-error.ts';
import { done, reject, retry, retryAfter } from '../../../../../worker-node/operations/outcome.ts';
import { activeJob } from '../../../../../worker-node/telemetry/job-context.ts';
import { HOSTILE, HOSTILE_LIST } from '../../../../support/authors-mistakes.ts';
import { circle, type Given, never, run } from './run-operation-support.ts';

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});

afterEach(() => {
  vi.useRealTimers();
});

describe('what a handler returns', () => {
  it.each<[string, unknown, Record<string, unknown>]>([
    ['a value is the result', { sum: 3 }, { kind: 'done', result: { sum: 3 } }],
    ['nothing is a result too', undefined, { kind: 'done', result: undefined }],
    ['done() is the result inside', done(3), { kind: 'done', result: 3 }],
    ['retry() is tried again', retry('busy'), { kind: 'retry', code: 'operation-failed', message: 'busy' }],
    ['retryAfter() says when', retryAfter(50, 'busy'), { kind: 'retry-after', message: 'busy', delayMs: 50 }],
    ['reject() is the end', reject('no'), { kind: 'reject', code: 'operation-rejected', message: 'no' }],
    [
      'what looks like an outcome is a result',
      { kind: 'retry' },
      { kind: 'done', result: { kind: 'retry' } },
    ],
  ])('%s', async (_rule, returned, outcome) => {
    expect(await run(() => returned)).toMatchObject(outcome);
    expect(await run(async () => returned)).toMatchObject(outcome);
  });

  it('is what its schema makes of it', async () => {
    const output = z.object({ sum: z.number().transform(String) });
    expect(await run(() => ({ sum: 3, more: 4 }), { output })).toEqual({
      kind: 'done',
      result: { sum: '3' },
    });
    expect(await run(() => done({ sum: 3 }), { output })).toEqual({ kind: 'done', result: { sum: '3' } });
  });

  it('ends the job when it does not fit its schema, since the same code would return it again', async () => {
    const outcome = await run(() => ({ sum: 'three' }), { output: z.object({ sum: z.number() }) });
    expect(outcome).toMatchObject({ kind: 'reject', code: 'operation-rejected' });
    expect(outcome).toHaveProperty('message', expect.stringContaining('/sum'));
  });

  it('may be as large as an event can carry, and no larger', async () => {
    const text = 'x'.repeat(LIMITS.resultBytes - 2);
    expect(await run(() => text)).toMatchObject({ kind: 'done' });
    const outcome = await run(() => `${text}x`);
    expect(outcome).toMatchObject({ kind: 'reject', code: 'result-too-large' });
    expect(outcome).toHaveProperty('message', expect.stringContaining(String(LIMITS.resultBytes)));
    expect(outcome).toHaveProperty('message', expect.stringContaining(String(LIMITS.resultBytes + 1)));
  });

  it('may be as large as NATS takes, if that is less', async () => {
    const roomForResult = () => 40_000;
    expect(await run(() => 'x'.repeat(39_998), {}, { roomForResult })).toMatchObject({ kind: 'done' });
    const outcome = await run(() => 'x'.repeat(50_000), {}, { roomForResult });
    expect(outcome).toMatchObject({ kind: 'reject', code: 'result-too-large' });
    expect(outcome).toHaveProperty('message', expect.stringMatching(/50002 .*40000 /));
  });

  it('tells the caller where it does not fit its schema, and tells the reason to the operator only', async () => {
    const output = z.object({ sum: z.number().refine(() => false, 'must not be secret-7') });
    const outcome = await run(() => ({ sum: 7 }), { output });
    expect(outcome).toHaveProperty('message', expect.stringContaining('/sum'));
    expect(outcome).toHaveProperty('message', expect.not.stringContaining('secret-7'));
    expect(outcome).toHaveProperty('report.summary', expect.stringContaining('secret-7'));
  });

  it.each<[string, unknown]>([
    ['a big integer', 10n],
    ['a circle', circle()],
    ['a Map', new Map()],
    ['an Error', new Error('no')],
  ])('ends the job at once if JSON cannot hold it: %s', async (_what, value) => {
    expect(await run(() => value)).toMatchObject({ kind: 'reject', code: 'operation-rejected' });
  });
});

describe('what a handler throws', () => {
  it.each<[string, unknown, Record<string, unknown>]>([
    [
      'an Error is tried again',
      new Error('lost'),
      { kind: 'retry', code: 'operation-failed', report: { summary: 'lost' } },
    ],
    ['a text too', 'lost', { kind: 'retry', code: 'operation-failed', report: { summary: 'lost' } }],
    ['nothing too', undefined, { kind: 'retry', code: 'operation-failed' }],
    [
      'a value that throws when anybody looks at it too',
      HOSTILE,
      { kind: 'retry', code: 'operation-failed' },
    ],
    [
      'an Error of another realm too',
      runInNewContext('new Error("lost")'),
      { kind: 'retry', code: 'operation-failed', report: { summary: 'lost', type: 'Error' } },
    ],
    ['done() counts as returned', done(3), { kind: 'done', result: 3 }],
    ['retry() counts as returned', retry('busy'), { kind: 'retry', message: 'busy' }],
    ['retryAfter() counts as returned', retryAfter(5, 'busy'), { kind: 'retry-after', delayMs: 5 }],
    [
      'reject() counts as returned',
      reject('no'),
      { kind: 'reject', code: 'operation-rejected', message: 'no' },
    ],
    [
      'a proxy of an error of ours is an error like any other',
      new Proxy(new ThroughlineError('target-refused', 'no'), { get: () => HOSTILE.toString() }),
      { kind: 'retry', code: 'operation-failed', message: 'the operation failed' },
    ],
    [
      'an error that holds a list nobody can read is one like any other',
      Object.assign(new Error('lost'), { errors: HOSTILE_LIST }),
      { kind: 'retry', code: 'operation-failed', report: { summary: 'lost' } },
    ],
    [
      'an error of ours that stays is the end',
      new ThroughlineError('target-refused', 'no'),
      { kind: 'reject', code: 'target-refused', message: 'no' },
    ],
    [
      'an error of ours that is not about operations is one of another system',
      new ThroughlineError('broker-unavailable', 'away'),
      { kind: 'retry', code: 'operation-failed' },
    ],
    [
      'an error that the client of an API throws is one of another system',
      new ApiError({ status: 422, url: '/', text: '{"code":"input-invalid"}' }),
      { kind: 'retry', code: 'operation-failed' },
    ],
  ])('%s', async (_rule, thrown, outcome) => {
    const handler = () => {
      throw thrown;
    };
    expect(await run(handler)).toMatchObject(outcome);
    expect(await run(async () => handler())).toMatchObject(outcome);
  });
});

it('an outcome that the schema of the input throws counts as returned', async () => {
  const input = z.unknown().transform(() => {
    throw reject('not today');
  });
  expect(await run(never, { input })).toMatchObject({ kind: 'reject', message: 'not today' });
});

it.each<[string, (abort: AttemptAbort) => void, Given]>([
  ['a cancel', (abort) => abort.abort(new ThroughlineError('job-cancelled', 'cancelled')), {}],
  ['the time limit', () => undefined, { timeoutMs: 10 }],
])(
  "the listeners that an operation leaves on its signal are its job's code: %s",
  async (_who, end, given) => {
    const abort = new AttemptAbort();
    let heard: unknown;
    const running = run(
      ({ signal }) => {
        signal.addEventListener('abort', () => {
          heard = activeJob();
        });
        return never();
      },
      {},
      { ...given, abort },
    );
    setImmediate(() => end(abort));
    await running;
    expect(heard).toMatchObject({ operation: expect.any(String), attempt: 1 });
  },
);

describe('what a caller reads about a throw', () => {
  const SECRET = 'postgres://app:pw@10.1.2.3';
  const messageOf = async (thrown: unknown): Promise<unknown> => {
    const outcome = await run(() => {
      throw thrown;
    });
    return 'message' in outcome ? outcome.message : undefined;
  };

  it.each<[string, unknown]>([
    ['an Error', new Error(SECRET)],
    ['a text', SECRET],
    ['an object', { message: SECRET }],
    ['an Error with a cause', new Error('no', { cause: new Error(SECRET) })],
    ['an AggregateError', new AggregateError([new Error(SECRET)], SECRET)],
    ['an error of ours from elsewhere', new ThroughlineError('config-invalid', SECRET)],
  ])('is a general sentence for %s', async (_what, thrown) => {
    expect(await messageOf(thrown)).toBe('the operation failed');
  });

  it('names the trace, if there is one', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const spanContext = { traceId, spanId: '00f067aa0ba902b7', traceFlags: 1 };
    const message = await context.with(trace.setSpanContext(ROOT_CONTEXT, spanContext), () =>
      messageOf(new Error(SECRET)),
    );
    expect(message).toBe(`the operation failed; trace ${traceId}`);
  });

  it('is the message of a job error, and those of the job errors that caused it', async () => {
    const cause = new JobError('the bank does not answer', { cause: new Error(SECRET) });
    expect(await messageOf(new JobError('the card was not charged', { cause }))).toBe(
      'the card was not charged; cause: the bank does not answer',
    );
  });

  it('are the messages of the job errors inside other errors', async () => {
    const members = [new JobError('the first is full'), new Error(SECRET), new JobError('the second too')];
    expect(await messageOf(new AggregateError(members, SECRET))).toBe(
      'the first is full; cause: the second too',
    );
  });

  it('is said to the operator in full', async () => {
    const outcome = await run(() => {
      throw new Error('no', { cause: new TypeError(SECRET) });
    });
    expect(outcome).toHaveProperty('report.summary', `no; cause: ${SECRET}`);
    expect(outcome).toHaveProperty(
      'report.text',
      expect.stringMatching(/^Error: no\n +at [\s\S]*\ncaused by: TypeError: /),
    );
  });
});

describe('an error that would end the attempt without a failure', () => {
  it.each(['job-cancelled', 'attempt-superseded', 'worker-stopping'] as const)(
    'is a failure like any other if no signal aborted: %s',
    async (code) => {
      const handler = () => {
        throw new ThroughlineError(code, 'kept from another job');
      };
      expect(await run(handler)).toMatchObject({ kind: 'retry', code: 'operation-failed' });
    },
  );
});
