import { stopSignal } from '../shared/processes/stop-signal.ts';

/** Kept, because a host takes it away from the code of operations. */
const exit: (code: number) => never = process.exit;

/** A terminal that closes sends SIGHUP. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
type Signal = (typeof STOP_SIGNALS)[number];

/** Listens before the listeners of operations: if one of them throws, those after it are not called. */
const SIGNALS = {
  on: (signal: Signal, listener: () => void) => process.prependListener(signal, listener),
  off: (signal: Signal, listener: () => void) => process.off(signal, listener),
};

/**
 * Waits for the first signal to stop. One that comes more than a second later ends the process immediately.
 * @param sayEnd says what the end costs; it must not wait
 */
export async function untilStopSignal(sayEnd: () => void = () => undefined): Promise<void> {
  await stopSignal(SIGNALS, STOP_SIGNALS, () => {
    sayEnd();
    exit(1);
  });
}
