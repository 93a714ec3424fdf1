import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError, NoAnswerError } from '../../../client/errors.ts';
import { Patience, pollDelays } from '../../../client/patience.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function refusal(status: number, retryAfter?: string): ApiError {
  const headers = new Headers(retryAfter === undefined ? {} : { 'retry-after': retryAfter });
  return new ApiError({ status, url: 'http://api.test/v1/jobs/x', headers, text: '' });
}

/** How long a wait lasts, in milliseconds. */
async function lengthOf(wait: Promise<void>): Promise<number> {
  const startedAt = Date.now();
  const ended = wait.then(() => Date.now() - startedAt);
  await vi.runAllTimersAsync();
  return await ended;
}

const patient = (): Patience => new Patience({ signal: new AbortController().signal });

it('the pauses between two requests grow from 200 ms to 2 s', () => {
  const delays = pollDelays();
  const first = Array.from({ length: 9 }, () => delays.next().value);
  expect(first[0]).toBe(200);
  expect(first.at(-1)).toBe(2_000);
  expect(first).toEqual(first.toSorted((a, b) => a - b));
});

describe('after a refusal that says when to ask again', () => {
  it.each([
    ['429', refusal(429, '7'), 7_000],
    ['429 without a time', refusal(429), 5_000],
    ['503', refusal(503, '3'), 3_000],
    ['a time in the past', refusal(429, 'Sun, 06 Nov 1994 08:49:37 GMT'), 200],
    ['a time that is a mistake', refusal(429, '99999999999'), 60_000],
  ])('waits as long: %s', async (_, thrown, ms) => {
    expect(await lengthOf(patient().afterFailure(thrown))).toBe(ms);
  });

  it('reads a date as well', async () => {
    vi.setSystemTime('2026-01-02T03:04:05Z');
    const thrown = refusal(503, 'Fri, 02 Jan 2026 03:04:15 GMT');
    expect(await lengthOf(patient().afterFailure(thrown))).toBe(10_000);
  });

  it('waits however often that happens, and says so each time', async () => {
    const onBusy = vi.fn();
    const patience = new Patience({ signal: new AbortController().signal, onBusy });
    for (let time = 0; time < 50; time++) await lengthOf(patience.afterFailure(refusal(429, '5')));
    expect(onBusy).toHaveBeenCalledTimes(50);
  });

  it('waits no more often in a row than it may, counted from the last success', async () => {
    const patience = new Patience({ signal: new AbortController().signal, maxBusy: 2 });
    const last = refusal(429, '1');
    for (let round = 0; round < 3; round++) {
      for (let time = 0; time < 2; time++) await lengthOf(patience.afterFailure(refusal(429, '1')));
      patience.reset();
    }
    for (let time = 0; time < 2; time++) await lengthOf(patience.afterFailure(refusal(429, '1')));
    await expect(patience.afterFailure(last)).rejects.toBe(last);
  });

  it('takes 503 for a failure where only 429 means busy', async () => {
    const options = { busyStatuses: [429], isTransient: () => false };
    const patience = new Patience({ signal: new AbortController().signal, ...options });
    const thrown = refusal(503, '3');
    await expect(patience.afterFailure(thrown)).rejects.toBe(thrown);
    expect(await lengthOf(patience.afterFailure(refusal(429, '3')))).toBe(3_000);
  });

  it('stops waiting with the reason of the signal', async () => {
    const stop = new AbortController();
    const waiting = new Patience({ signal: stop.signal }).afterFailure(refusal(429, '50'));
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});

describe('after another failure', () => {
  const FAILURES = [refusal(500), refusal(503), new NoAnswerError('unreachable', 'away')];

  it.each(FAILURES)('waits five times in a row, then throws it: %o', async (thrown) => {
    const patience = patient();
    for (let time = 0; time < 5; time++) await lengthOf(patience.afterFailure(thrown));
    await expect(patience.afterFailure(thrown)).rejects.toBe(thrown);
  });

  it('counts from the last success', async () => {
    const patience = patient();
    for (let time = 0; time < 20; time++) {
      await lengthOf(patience.afterFailure(refusal(500)));
      patience.reset();
    }
  });

  it.each([refusal(401), refusal(404), new NoAnswerError('no-stream', 'none'), new Error('other')])(
    'throws at once what another request cannot mend: %o',
    async (thrown) => {
      await expect(patient().afterFailure(thrown)).rejects.toBe(thrown);
    },
  );
});
