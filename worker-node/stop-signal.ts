import { syncBuiltinESMExports } from 'node:module';
import { constants } from 'node:os';
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

let isStopping = false;

/**
 * Waits for the first signal to stop. One that comes more than a second later ends the process immediately, unless the process has sent it
 * and {@link ignoreOwnSignals} was called.
 * @param sayEnd says what the end costs; it must not wait
 */
export async function untilStopSignal(sayEnd: () => void = () => undefined): Promise<void> {
  await stopSignal(SIGNALS, STOP_SIGNALS, () => {
    sayEnd();
    exit(1);
  });
  isStopping = true;
}

/**
 * Lets a signal to stop that the process sends itself do nothing once the stop has begun. Code of operations, or of their packages, closes
 * what it has open and then sends the signal again that it got: that would end the jobs of the host. It has to be called before that code
 * is loaded, which may keep `process.kill`.
 */
export function ignoreOwnSignals(): void {
  const { kill } = process;
  const names: readonly (string | number)[] = STOP_SIGNALS;
  const numbers: readonly (string | number)[] = STOP_SIGNALS.map((name) => constants.signals[name]);
  process.kill = (pid, signal) => {
    const sent = signal ?? 'SIGTERM';
    const isStop = names.includes(sent) || numbers.includes(sent);
    return isStopping && pid === process.pid && isStop ? true : kill.call(process, pid, signal);
  };
  // For `import { kill } from 'node:process'`.
  syncBuiltinESMExports();
}
