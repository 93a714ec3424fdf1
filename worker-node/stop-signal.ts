import { once } from 'node:events';

/** A terminal that closes sends SIGHUP. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Waits for the first signal to stop. From then on a second one ends the process immediately. */
export async function stopSignal(): Promise<void> {
  await Promise.race(STOP_SIGNALS.map((signal) => once(process, signal)));
  const end = (): never => process.exit(1);
  for (const signal of STOP_SIGNALS) process.once(signal, end);
}
