import { startTimer } from './timers.ts';

/**
 * Waits for `promise`, for at most `ms` milliseconds. A promise that fails after its deadline does not become an unhandled
 * rejection.
 * @param late makes the error that is thrown when the time is over
 * @throws what `promise` throws, or the error of `late`
 */
export async function withDeadline<T>(promise: Promise<T>, ms: number, late: () => Error): Promise<T> {
  const deadline = Promise.withResolvers<never>();
  const timer = startTimer(ms, () => deadline.reject(late()));
  try {
    return await Promise.race([promise, deadline.promise]);
  } finally {
    timer.stop();
  }
}
