import { startTimer } from '../timers.ts';

/**
 * At Ctrl-C the terminal sends the signal to npm and to the program that npm runs, and npm passes it on to that program. Those that
 * come within this time are one signal.
 */
export const SAME_SIGNAL_MS = 1_000;

/** What gets the signals of the system: Node's `process`. */
interface SignalSource<Signal extends string> {
  on(signal: Signal, listener: () => void): unknown;
  off(signal: Signal, listener: () => void): unknown;
}

/**
 * Resolves at the first signal to stop.
 * @param onSecond is called at each signal that comes more than a second later. Without it, such a signal ends the process
 */
export async function stopSignal<Signal extends string>(
  source: SignalSource<Signal>,
  signals: readonly Signal[],
  onSecond?: () => void,
): Promise<undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const take = (): void => resolve(undefined);
  for (const signal of signals) source.on(signal, take);
  await promise;
  startTimer(SAME_SIGNAL_MS, () => {
    for (const signal of signals) {
      if (onSecond !== undefined) source.on(signal, onSecond);
      source.off(signal, take);
    }
  });
}
