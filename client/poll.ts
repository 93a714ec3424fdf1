const FIRST_MS = 200;
const LONGEST_MS = 2_000;
const GROWTH = 1.5;

/** The pauses between two requests that ask the same thing: 200 ms at first, growing to 2 s. */
export function* pollDelays(): Generator<number, never> {
  for (let ms = FIRST_MS; ; ms = Math.min(ms * GROWTH, LONGEST_MS)) yield ms;
}

/** Waits for `ms` milliseconds. @throws the reason of `signal` as soon as it aborts */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => reject(signal.reason);
  const timer = setTimeout(resolve, Math.max(0, ms));
  signal.addEventListener('abort', abort, { once: true });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}
