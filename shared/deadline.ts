/**
 * Waits for `promise`, for at most `ms` milliseconds. A promise that fails after its deadline does not become an unhandled
 * rejection.
 * @param late makes the error that is thrown when the time is over
 * @throws what `promise` throws, or the error of `late`
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
