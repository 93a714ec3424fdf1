import { setTimeout as delay } from 'node:timers/promises';
import { trace } from '@opentelemetry/api';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as z from 'zod';
import { runOperation } from '../../../testing/index.ts';
import { defineOperation, JobError, reject, retry, retryAfter } from '../../../worker-node/index.ts';
import { count } from './operations.ts';

const HOUR_MS = 3_600_000;

/** An operation that takes anything. */
function operationOf(
  run: Parameters<typeof defineOperation>[0]['run'],
  more: { timeout?: string; maxAttempts?: number; retry?: { minDelayMs?: number; maxDelayMs?: number } } = {},
) {
  return defineOperation({ name: 'test', input: z.unknown(), ...more, run });
}

describe('a run of an operation', () => {
  it('ends with the result, as its caller gets it', async () => {
    const run = await runOperation(count, { text: 'a bc' });
    expect(run).toMatchObject({
      state: 'succeeded',
      result: { words: 2, at: expect.stringMatching(/^\d{4}-/) },
      attempts: [{ number: 1, outcome: 'succeeded' }],
      progress: [{ attempt: 1, fraction: 0.5 }],
      deadLetter: undefined,
    });
    expect(run.log).toMatchObject([
      { level: 'info', msg: 'counted', data: { words: 2 }, attempt: 1, trace_id: run.traceId },
    ]);
  });

  it('is refused by the input schema, with the path, and is not tried again', async () => {
    const run = await runOperation(count, { text: 7 } as never);
    expect(run).toMatchObject({
      state: 'failed',
      error: { code: 'input-invalid', message: expect.stringContaining('/text') },
      attempts: [{ number: 1, outcome: 'failed' }],
      deadLetter: { code: 'input-invalid', attempts: 1 },
    });
  });

  it('gets its input as JSON has it', async () => {
    const echo = operationOf(({ input }) => input);
    const { result } = await runOperation(echo, { at: new Date(0), left: undefined });
    expect(result).toEqual({ at: '1970-01-01T00:00:00.000Z' });
  });

  it('is refused by the client with an input that JSON cannot hold', async () => {
    const echo = operationOf(({ input }) => input);
    await expect(runOperation(echo, { names: new Set(['a']) })).rejects.toThrow(
      '/input/names: JSON cannot hold a Set',
    );
  });

  it('is refused when its result does not fit the output schema, or is no JSON', async () => {
    const wrong = await runOperation(count, { text: 'not a number' });
    expect(wrong.error).toMatchObject({
      code: 'operation-rejected',
      message: expect.stringContaining('/words'),
    });
    const lost = await runOperation(
      operationOf(() => new Map()),
      null,
    );
    expect(lost.error?.message).toContain('cannot be JSON');
  });

  it('pauses between attempts as the retry policy says, at no cost', async () => {
    const began = performance.now();
    const fail = operationOf(() => Promise.reject(new Error('secret')), {
      maxAttempts: 4,
      retry: { minDelayMs: HOUR_MS, maxDelayMs: 2 * HOUR_MS },
    });
    const run = await runOperation(fail, null);
    expect(run.attempts.map(({ pauseMs }) => pauseMs)).toEqual([HOUR_MS / 2, HOUR_MS, HOUR_MS, undefined]);
    expect(run.elapsedMs).toBeGreaterThanOrEqual(2.5 * HOUR_MS);
    expect(run.error).toEqual({ code: 'operation-failed', message: expect.not.stringContaining('secret') });
    expect(run.attempts[0]?.thrown).toContain('Error: secret');
    expect(run.deadLetter).toMatchObject({ attempts: 4, message: 'secret' });
    expect(performance.now() - began).toBeLessThan(HOUR_MS);
    const late = await runOperation(fail, null, { jitter: 0.999999, maxAttempts: 2 });
    expect(late.attempts.map(({ pauseMs }) => pauseMs)).toEqual([HOUR_MS - 3, undefined]);
  });

  it('follows the outcomes that the operation returns', async () => {
    const outcomes = [retryAfter(5_000, 'busy'), retry('again'), reject('never')];
    const run = await runOperation(
      operationOf(({ job }) => outcomes[job.attempt - 1]),
      null,
    );
    expect(run.attempts.map(({ outcome, pauseMs }) => [outcome, pauseMs])).toEqual([
      ['retrying', 5_000],
      ['retrying', 1_000],
      ['failed', undefined],
    ]);
    expect(run.error).toEqual({ code: 'operation-rejected', message: 'never' });
  });

  it('tells its caller what a job error says', async () => {
    const run = await runOperation(
      operationOf(() => Promise.reject(new JobError('declined')), { maxAttempts: 1 }),
      1,
    );
    expect(run.error).toEqual({ code: 'operation-failed', message: 'declined' });
  });

  it.each<[string, (ms: number) => Promise<unknown>]>([
    ['a timer', (ms) => new Promise((resolve) => setTimeout(resolve, ms))],
    ['a timer of node:timers/promises', (ms) => delay(ms)],
    [
      'a signal with a time limit',
      (ms) => new Promise((resolve) => AbortSignal.timeout(ms).addEventListener('abort', resolve)),
    ],
    [
      'many timers',
      async (ms) => {
        for (let n = 0; n < 10; n++) await delay(ms / 10);
      },
    ],
  ])('waits for %s at no cost, on clocks that agree', async (_, wait) => {
    const slow = operationOf(
      async () => {
        const date = Date.now();
        const now = performance.now();
        await wait(HOUR_MS);
        const written = Date.parse(new Date().toISOString());
        return [Date.now() - date, written - date, performance.now() - now].map(Math.round);
      },
      { timeout: '2h' },
    );
    const { result, elapsedMs } = await runOperation(slow, null);
    for (const ms of [...(result as number[]), elapsedMs]) expect(Math.abs(ms - HOUR_MS)).toBeLessThan(5_000);
  });

  it('ends at its time limit, with its signal', async () => {
    const hang = operationOf(
      ({ signal }) => new Promise((_, fail) => signal.addEventListener('abort', () => fail(signal.reason))),
      {
        timeout: '1h',
        maxAttempts: 2,
      },
    );
    const run = await runOperation(hang, null);
    expect(run.error).toMatchObject({ code: 'operation-timeout' });
    expect(run.attempts.map(({ ranMs }) => Math.round(ranMs / HOUR_MS))).toEqual([1, 1]);
    const short = await runOperation(hang, null, { timeout: '2s', maxAttempts: 1 });
    expect(short.elapsedMs).toBeLessThan(HOUR_MS);
  });

  it('does not let time jump while the operation waits for another process', async () => {
    const { execFile } = await import('node:child_process');
    const slow = operationOf(
      () =>
        new Promise((resolve) =>
          execFile(process.execPath, ['-e', 'setTimeout(() => {}, 300)'], () => resolve('ended')),
        ),
      { timeout: '1m', maxAttempts: 1 },
    );
    expect(await runOperation(slow, null)).toMatchObject({ state: 'succeeded', result: 'ended' });
  });

  it('is cancelled by its caller', async () => {
    const hang = operationOf(() => new Promise(() => undefined), { timeout: '1h' });
    const run = await runOperation(hang, null, { cancelAfterMs: 60_000 });
    expect(run).toMatchObject({
      state: 'cancelled',
      error: { code: 'job-cancelled' },
      attempts: [{ outcome: 'cancelled' }],
    });
    expect(run.elapsedMs).toBeLessThan(HOUR_MS);
    const cancel = AbortSignal.abort();
    expect(await runOperation(hang, null, { cancel })).toMatchObject({ state: 'cancelled' });
  });

  it('goes back to the queue when its worker stops', async () => {
    const hang = operationOf(() => new Promise(() => undefined), { timeout: '1h' });
    const run = await runOperation(hang, null, { stopAfterMs: 1_000 });
    expect(run).toMatchObject({
      state: 'queued',
      attempts: [{ outcome: 'released' }],
      deadLetter: undefined,
    });
  });

  it('is in the trace of its caller', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const traced = operationOf(async () => {
      await delay(10);
      return trace.getActiveSpan()?.spanContext().traceId;
    });
    const run = await runOperation(traced, null, {
      trace: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
    });
    expect([run.traceId, run.result]).toEqual([traceId, traceId]);
    const other = await runOperation(traced, null);
    expect(other.result).toBe(other.traceId);
  });

  it('knows its job', async () => {
    const { result } = await runOperation(
      operationOf(({ job }) => job),
      null,
      { jobId: 'job-7', tenant: 'acme', maxAttempts: 2 },
    );
    expect(result).toMatchObject({
      id: 'job-7',
      tenant: 'acme',
      operation: 'test',
      attempt: 1,
      maxAttempts: 2,
      fence: 1,
      redriveCount: 0,
    });
  });

  it('says what it warned its operator of', async () => {
    const { progress, log } = await runOperation(
      operationOf(({ progress }) => progress({ fraction: 7 })),
      null,
    );
    expect(progress).toEqual([]);
    expect(log).toMatchObject([
      { level: 'warn', reason: expect.stringContaining('fraction must be a number from 0 to 1') },
    ]);
  });

  it('fails when it calls process.exit, even where that is caught, and the tests go on', async () => {
    const exits = operationOf(
      () => {
        try {
          process.exit(0);
        } catch {
          return 'went on';
        }
      },
      { maxAttempts: 1 },
    );
    const { state, attempts } = await runOperation(exits, null);
    expect(state).toBe('failed');
    expect(attempts[0]?.thrown).toContain('process.exit(0) was called');
  });

  it('fails when it calls process.exit, also after a test has put another function there', async () => {
    const { exit } = process;
    onTestFinished(() => {
      process.exit = exit;
    });
    const exits = operationOf(() => process.exit(0), { maxAttempts: 1 });
    expect((await runOperation(exits, null)).state).toBe('failed');
    let ends = 0;
    process.exit = () => ++ends as never;
    expect((await runOperation(exits, null)).state).toBe('failed');
    expect(ends).toBe(0);
  });

  it('waits for a run before it, since both have the time of the process', async () => {
    const slow = operationOf(() => delay(1_000));
    const runs = await Promise.all([runOperation(slow, null), runOperation(slow, null)]);
    for (const { elapsedMs } of runs) expect(elapsedMs).toBeLessThan(1_900);
  });

  it('leaves the timers of the process as they were', async () => {
    const before = [setTimeout, clearTimeout, setInterval, Date, AbortSignal.timeout, delay];
    const leaving = operationOf(() => {
      setTimeout(() => undefined, HOUR_MS);
      return null;
    });
    await runOperation(leaving, null);
    await expect(runOperation({ name: 'none' } as never, null as never)).rejects.toThrow('defineOperation');
    await expect(runOperation(leaving, null, { timeout: 'soon' })).rejects.toThrow('timeout must be');
    const { setTimeout: after } = await import('node:timers/promises');
    expect([setTimeout, clearTimeout, setInterval, Date, AbortSignal.timeout, after]).toEqual(before);
  });

  it('takes the time of this machine if it is told to', async () => {
    const { elapsedMs } = await runOperation(
      operationOf(() => delay(50)),
      null,
      { time: 'real' },
    );
    expect(elapsedMs).toBeGreaterThanOrEqual(49);
  });
});
