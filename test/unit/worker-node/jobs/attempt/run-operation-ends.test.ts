import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { ThroughlineError } from '../../../../../shared/errors.ts';
import type { Progress } from '../../../../../shared/job/attempt-report.ts';
import { AttemptAbort } from '../../../../../worker-node/jobs/attempt/attempt-abort.ts';
import { ProgressReporter } from '../../../../../worker-node/jobs/attempt/progress-reporter.ts';
import { reject } from '../../../../../worker-node/operations/outcome.ts';
import { HOSTILE } from '../../../../support/authors-mistakes.ts';
import { attempt, quiet } from '../../support.ts';
import {
  abortedBy,
  type Definition,
  type Handler,
  NO_PROGRESS,
  never,
  run,
} from './run-operation-support.ts';

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});

afterEach(() => {
  vi.useRealTimers();
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
        redriveCount: 0,
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
    ['neither a fraction nor a message', { percent: 50 }],
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
          tenant: 'acme',
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
