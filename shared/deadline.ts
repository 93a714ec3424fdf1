import { startTimer } from './timers.ts';

/**
 * Waits for `promise`, for at most `ms` milliseconds. A promise that fails after its deadline does not become an unhandled
 * rejection.
 * @param late makes the error that is thrown when the time is over
 * @param failed makes the error that is thrown from the one that `promise` throws; by default the same
 * @throws what `promise` throws, or the error of `late`
 */
export function withDeadline<T>(
  promise: Promise<T>,
  ms: number,
  late: () => Error,
  failed: (thrown: unknown) => unknown = (thrown) => thrown,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = startTimer(ms, () => reject(late()));
    promise.then(
      (value) => {
        timer.stop();
        resolve(value);
      },
      (thrown: unknown) => {
        timer.stop();
        reject(failed(thrown));
      },
    );
  });
}

/**
 * Waits for the value of `promise`, for at most `ms` milliseconds. Never rejects.
 * @returns undefined if `promise` fails, or is late
 */
export function valueWithin<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  return withDeadline(promise, ms, () => new Error('late')).catch(() => undefined);
}
