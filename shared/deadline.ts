/**
 * Waits for `promise`, at most `ms` milliseconds. The timer is cleared either way, and a promise that fails after
 * its deadline does not become an unhandled rejection.
 * @param late makes the error to throw when time is up
 */
export async function withDeadline<T>(promise: Promise<T>, ms: number, late: () => Error): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), Math.max(0, ms));
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
