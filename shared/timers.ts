/**
 * Timers for durations of any length. A timer of the platform holds at most 2^31 - 1 ms (about 24.8 days) and fires at
 * once if it is given more. So a duration that is not a constant of the program enters a timer only in this file.
 */

const LONGEST_MS = 2 ** 31 - 1;

export interface Timer {
  /** Ends the timer. Safe to call twice. */
  stop(): void;
}

/**
 * Calls `action` once, after `ms` milliseconds.
 * @param ms 0 or less: as soon as possible; Infinity: never
 * @throws RangeError when `ms` is NaN
 */
export function startTimer(ms: number, action: () => void): Timer {
  if (Number.isNaN(ms)) throw new RangeError('a timer needs a number of milliseconds');
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = (leftMs: number): void => {
    const stepMs = Math.min(Math.max(0, leftMs), LONGEST_MS);
    timer = setTimeout(() => (leftMs > stepMs ? wait(leftMs - stepMs) : action()), stepMs);
  };
  if (ms !== Number.POSITIVE_INFINITY) wait(Math.ceil(ms));
  return {
    stop: () => {
      if (timer !== undefined) clearTimeout(timer);
    },
  };
}

/** Calls `action` every `ms` milliseconds. @throws RangeError when `ms` is NaN */
export function startInterval(ms: number, action: () => void): Timer {
  let timer = startTimer(ms, tick);
  function tick(): void {
    timer = startTimer(ms, tick);
    action();
  }
  return { stop: () => timer.stop() };
}

/** Waits for `ms` milliseconds. @throws the reason of `signal` as soon as it aborts; RangeError when `ms` is NaN */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => reject(signal?.reason);
  const timer = startTimer(ms, resolve);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await promise;
  } finally {
    timer.stop();
    signal?.removeEventListener('abort', abort);
  }
}

/** A signal that aborts after some time, unless its timer is stopped first. */
export interface TimeLimit extends Timer {
  readonly signal: AbortSignal;
}

/**
 * Starts a time limit. In contrast to `AbortSignal.timeout` it must be stopped, and takes any duration.
 * @returns a signal that aborts after `ms` milliseconds with a DOMException named `TimeoutError`
 */
export function startTimeLimit(ms: number): TimeLimit {
  const controller = new AbortController();
  const timer = startTimer(ms, () => controller.abort(new DOMException('the time is over', 'TimeoutError')));
  return { signal: controller.signal, stop: timer.stop };
}
