import { runInNewContext } from 'node:vm';
import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { ApiError } from '../../../../../client/errors.ts';
import { ThroughlineError } from '../../../../../shared/errors.ts';
import type { Progress } from '../../../../../shared/job/job.ts';
import { LIMITS } from '../../../../../shared/job/limits.ts';
import { AttemptAbort } from '../../../../../worker-node/jobs/attempt/attempt-abort.ts';
import type { AttemptOutcome } from '../../../../../worker-node/jobs/attempt/attempt-outcome.ts';
import { ProgressReporter } from '../../../../../worker-node/jobs/attempt/progress-reporter.ts';
import { type RunOptions, runOperation } from '../../../../../worker-node/jobs/attempt/run-operation.ts';
import { JobError } from '../../../../../worker-node/operations/job-error.ts';
import {
  defineOperation,
  type OperationDefinition,
  type RunContext,
} from '../../../../../worker-node/operations/operation.ts';
import { done, reject, retry, retryAfter } from '../../../../../worker-node/operations/outcome.ts';
import { activeJob } from '../../../../../worker-node/telemetry/job-context.ts';
import { HOSTILE, HOSTILE_LIST } from '../../../../support/authors-mistakes.ts';
import { attempt, quiet, runOptions } from '../../support.ts';

type Definition = Partial<OperationDefinition<unknown, unknown>>;
type Handler = (context: RunContext<unknown>) => unknown;

interface Given extends Partial<RunOptions> {
  readonly input?: unknown;
  readonly timeoutMs?: number;
}

/** Runs one attempt of an operation with this handler. */
function run(handler: Handler, definition: Definition = {}, given: Given = {}): Promise<AttemptOutcome> {
  const operation = defineOperation<unknown, unknown>({
    name: 'test',
    input: z.unknown(),
    ...definition,
    run: handler,
  });
  const { input, timeoutMs, ...options } = given;
  const job = attempt({ input, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
  return runOperation(operation, job, runOptions(options));
}

function abortedBy(reason: ThroughlineError): AttemptAbort {
  const abort = new AttemptAbort();
  abort.abort(reason);
  return abort;
}

const NO_PROGRESS = { report: () => undefined, stop: () => undefined };
function circle(): unknown {
  const list: unknown[] = [];
  list.push({ list });
  return list;
}
const never = (): Promise<never> => new Promise(() => undefined);

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

  it('tells the caller where it does not fit its schema, and only the operator with which words', async () => {
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

describe('the input', () => {
  it('reaches the handler as its schema makes it', async () => {
    const input = z.object({ n: z.int().default(7) });
    expect(await run(({ input }) => input, { input }, { input: {} })).toEqual({
      kind: 'done',
      result: { n: 7 },
    });
  });

  it('ends the job when it does not fit, and the handler never runs', async () => {
    const handler = vi.fn();
    const outcome = await run(handler, { input: z.object({ n: z.int() }) }, { input: { n: 'x' } });
    expect(outcome).toMatchObject({ kind: 'reject', code: 'input-invalid' });
    expect(handler).not.toHaveBeenCalled();
  });

  it('comes with what the worker knows about the job', async () => {
    expect(await run(({ job }) => job)).toEqual({
      kind: 'done',
      result: {
        id: 'job-1',
        tenant: 'acme',
        operation: 'echo',
        attempt: 1,
        maxAttempts: 3,
        fence: 1,
        acceptedAt: '2026-01-01T00:00:00.000Z',
      },
    });
  });
});

describe('the time limit', () => {
  const limit = (text: string): Definition => ({ timeout: text });

  it('aborts the signal with a reason that says so, and the job is tried again', async () => {
    const { promise: aborted, resolve: onAbort } = Promise.withResolvers<unknown>();
    const outcome = await run(({ signal }) => {
      signal.addEventListener('abort', () => onAbort(signal.reason));
      return never();
    }, limit('5ms'));
    expect(outcome).toEqual({
      kind: 'retry',
      code: 'operation-timeout',
      message: 'the attempt took longer than 5 ms',
    });
    expect(await aborted).toMatchObject({ code: 'operation-timeout' });
  });

  it('decides the outcome, whatever the handler throws after its signal aborted', async () => {
    const outcome = await run(async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      throw new Error('aborted by somebody');
    }, limit('5ms'));
    expect(outcome).toMatchObject({ kind: 'retry', code: 'operation-timeout' });
  });

  it('decides the outcome although a result comes later', async () => {
    const outcome = await run(async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return 'late';
    }, limit('5ms'));
    expect(outcome).toMatchObject({ kind: 'retry', code: 'operation-timeout' });
  });

  it.each([
    ['5ms', undefined, 5],
    ['1h', 5, 5],
    ['5ms', 3_600_000, 5],
  ])('is the shorter of the operation’s %s and the job’s %s ms', async (timeout, timeoutMs, shorter) => {
    const given = timeoutMs === undefined ? {} : { timeoutMs };
    const outcome = await run(never, limit(timeout), given);
    expect(outcome).toHaveProperty('message', `the attempt took longer than ${shorter} ms`);
  });

  it('leaves no timer behind', async () => {
    vi.useFakeTimers();
    await run(() => 7, limit('1h'));
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a worker that stops', () => {
  const stopping = new ThroughlineError('worker-stopping', 'the worker is stopping');

  it('hands the job back, and the reason of the signal says why', async () => {
    const abort = new AttemptAbort();
    const { promise: aborted, resolve: onAbort } = Promise.withResolvers<unknown>();
    const outcome = run(
      ({ signal }) => {
        signal.addEventListener('abort', () => onAbort(signal.reason));
        abort.abort(stopping);
        return never();
      },
      {},
      { abort },
    );
    expect(await outcome).toEqual({ kind: 'released' });
    expect(await aborted).toMatchObject({ code: 'worker-stopping' });
  });

  it('after the handler has returned does not abort its signal: a listener that is left there is not called', async () => {
    const abort = new AttemptAbort();
    const onAbort = vi.fn();
    const outcome = await run(
      ({ signal }) => {
        signal.addEventListener('abort', onAbort);
        return 1;
      },
      {},
      { abort },
    );
    abort.abort(stopping);
    expect(outcome).toEqual({ kind: 'done', result: 1 });
    expect(onAbort).not.toHaveBeenCalled();
  });

  it('does not start a job', async () => {
    const handler = vi.fn();
    expect(await run(handler, {}, { abort: abortedBy(stopping) })).toEqual({ kind: 'released' });
    expect(handler).not.toHaveBeenCalled();
  });
});

describe('progress', () => {
  it('is passed on in the order of the reports', async () => {
    const seen: Progress[] = [];
    const reports = [{ fraction: 0 }, { message: 'half' }, { fraction: 1, message: 'done' }];
    const handler: Handler = ({ progress }) => reports.forEach(progress);
    await run(handler, {}, { progress: { ...NO_PROGRESS, report: (value) => void seen.push(value) } });
    expect(seen).toEqual(reports);
  });

  it.each<[string, unknown]>([
    ['more than all', { fraction: 1.1 }],
    ['less than nothing', { fraction: -0.1 }],
    ['no number', { fraction: Number.NaN }],
    ['a text of 1,001 characters', { message: 'x'.repeat(1_001) }],
    ['not an object', 'half'],
    ['a value that throws when anybody looks at it', HOSTILE],
  ])('that is not valid is left out, and the author is told once: %s', async (_what, wrong) => {
    const report = vi.fn();
    const warn = vi.fn();
    const handler: Handler = ({ progress }) => {
      progress(wrong as Progress);
      progress({ fraction: 0.5 });
      progress(wrong as Progress);
      return 7;
    };
    const log = { ...quiet, warn };
    const outcome = await run(handler, {}, { progress: { ...NO_PROGRESS, report }, log });
    expect(outcome).toMatchObject({ kind: 'done', result: 7 });
    expect(report.mock.calls).toEqual([[{ fraction: 0.5 }]]);
    expect(warn.mock.calls).toEqual([
      [
        {
          job_id: 'job-1',
          operation: 'echo',
          attempt: 1,
          reason: expect.stringMatching(/^progress was not/),
        },
        expect.any(String),
      ],
    ]);
  });

  it.each<[string, Handler, Definition]>([
    ['succeeded', () => 7, {}],
    ['failed', () => reject('no'), {}],
    ['ran out of time', never, { timeout: '5ms' }],
  ])('is not passed on after the attempt %s', async (_how, handler, definition) => {
    const recordProgress = vi.fn();
    let report: (value: Progress) => void = () => undefined;
    await run(
      (context) => {
        report = context.progress;
        return handler(context);
      },
      definition,
      { progress: new ProgressReporter({ recordProgress }, attempt(), 'worker-1') },
    );
    report({ fraction: 0.5 });
    expect(recordProgress).not.toHaveBeenCalled();
  });
});

describe('a job that is cancelled', () => {
  const cause = new ThroughlineError('job-cancelled', 'cancelled');

  it.each<[string, (signal: AbortSignal) => Promise<unknown>]>([
    [
      'listens',
      (signal) => new Promise((_, fail) => signal.addEventListener('abort', () => fail(signal.reason))),
    ],
    ['does not listen', never],
    [
      'takes the abort for an answer',
      (signal) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
    ],
  ])('ends as cancelled if its handler %s, and the handler gets the reason', async (_what, wait) => {
    const abort = new AttemptAbort();
    let reason: unknown;
    const handler: Handler = ({ signal }) => {
      signal.addEventListener('abort', () => {
        reason = signal.reason;
      });
      queueMicrotask(() => abort.abort(cause));
      return wait(signal);
    };
    expect(await run(handler, {}, { abort })).toEqual({ kind: 'cancelled' });
    expect(reason).toBe(cause);
  });

  it('before its handler starts never starts', async () => {
    const handler = vi.fn();
    expect(await run(handler, {}, { abort: abortedBy(cause) })).toEqual({ kind: 'cancelled' });
    expect(handler).not.toHaveBeenCalled();
  });
});
