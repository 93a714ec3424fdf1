import { workerdPids } from '../support/measure.ts';

/**
 * Starts something with one edge in it.
 * @returns it, and the process id of the edge's workerd
 */
export async function withWorkerd<T extends { readonly stop: () => Promise<unknown> }>(
  start: () => Promise<T>,
): Promise<{ readonly started: T; readonly workerd: number }> {
  const before = new Set(workerdPids());
  const started = await start();
  const workerd = workerdPids().find((pid) => !before.has(pid));
  if (workerd === undefined) {
    await started.stop();
    throw new Error('no workerd was started');
  }
  return { started, workerd };
}
