import { startTimer } from '../../shared/timers.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
/** At Ctrl-C the terminal sends the signal, and npm passes it on to the program that it runs. Both are one signal. */
const SAME_MS = 1_000;

/** Resolves at the first signal to stop. One that comes more than a second later ends this process immediately. */
export async function stopSignal(): Promise<undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const take = (): void => resolve(undefined);
  for (const signal of SIGNALS) process.on(signal, take);
  await promise;
  startTimer(SAME_MS, () => {
    for (const signal of SIGNALS) process.off(signal, take);
  });
}
