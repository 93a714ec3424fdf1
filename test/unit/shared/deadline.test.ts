import { afterEach, describe, expect, it, vi } from 'vitest';
import { valueWithin, withDeadline } from '../../../shared/deadline.ts';

const never = <T = never>(): Promise<T> => new Promise<T>(() => undefined);
const late = (): Error => new Error('late');

afterEach(() => {
  vi.useRealTimers();
});

describe('a deadline', () => {
  it('passes a value through and clears its timer', async () => {
    vi.useFakeTimers();
    await expect(withDeadline(Promise.resolve(7), 1_000, late)).resolves.toBe(7);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('passes a failure through and clears its timer', async () => {
    vi.useFakeTimers();
    const failure = new Error('broken');
    await expect(withDeadline(Promise.reject(failure), 1_000, late)).rejects.toBe(failure);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends the wait for a promise that never settles, and not too early', async () => {
    vi.useFakeTimers();
    let ended = false;
    const wait = expect(
      withDeadline(never(), 1_000, late).finally(() => {
        ended = true;
      }),
    ).rejects.toThrow('late');
    await vi.advanceTimersByTimeAsync(999);
    expect(ended).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await wait;
    expect(vi.getTimerCount()).toBe(0);
  });

  it('makes its error only when the time is over', async () => {
    const make = vi.fn(late);
    await withDeadline(Promise.resolve(), 1_000, make);
    expect(make).not.toHaveBeenCalled();
  });

  it.each([0, -1, Number.NEGATIVE_INFINITY])('of %d ms is over immediately', async (ms) => {
    await expect(withDeadline(never(), ms, late)).rejects.toThrow('late');
  });

  it('causes no unhandled rejection when the promise fails later', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    let fail: (reason: Error) => void = () => undefined;
    const failing = new Promise<never>((_, reject) => {
      fail = reject;
    });
    await expect(withDeadline(failing, 0, late)).rejects.toThrow('late');
    fail(new Error('too late'));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe('the value of a promise within a time', () => {
  it.each<[string, () => Promise<number>, number | undefined]>([
    ['is the value if it comes', async () => 7, 7],
    ['is undefined if the promise fails', () => Promise.reject(new Error('no')), undefined],
    ['is undefined if the promise is late', never, undefined],
  ])('%s', async (_what, work, value) => {
    vi.useFakeTimers();
    const waiting = valueWithin(work(), 1_000);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await waiting).toBe(value);
  });
});
