/** Kept, because a host takes it away from the code of operations. */
const exit: (code: number) => never = process.exit;

/** A terminal that closes sends SIGHUP. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/**
 * Waits for the first signal to stop. From then on a second one ends the process immediately.
 * @param sayEnd says what the end costs; it must not wait
 */
export async function stopSignal(sayEnd: () => void = () => undefined): Promise<void> {
  await new Promise<void>((resolve) => listen(resolve));
  const end = (): never => {
    sayEnd();
    exit(1);
  };
  listen(end);
}

/** Before the listeners of operations: if one of them throws, those after it are not called. */
function listen(listener: () => void): void {
  for (const signal of STOP_SIGNALS) process.prependOnceListener(signal, listener);
}
