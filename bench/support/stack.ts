import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Stack, startStack } from '../../dev/stack.ts';
import { FREE_PORTS, type StackOptions } from '../../dev/stack-options.ts';
import { edgeBundle } from './bundle.ts';

/** Starts the local stack on free ports, without output. */
export async function startQuietStack(options: Partial<StackOptions> = {}): Promise<Stack> {
  return await startStack({
    bundle: await edgeBundle(),
    ports: FREE_PORTS,
    onLog: () => undefined,
    onStep: () => undefined,
    ...options,
  });
}

/**
 * Like {@link startQuietStack}, but the Durable Objects store their data on disk. Otherwise workerd keeps the rows of
 * the job index in memory, and its memory grows with each job. `stop` removes the data.
 */
export async function startStackOnDisk(options: Partial<StackOptions> = {}): Promise<Stack> {
  const storageDir = await mkdtemp(path.join(tmpdir(), 'throughline-bench-'));
  const remove = (): Promise<void> => rm(storageDir, { recursive: true, force: true });
  const stack = await startQuietStack({ ...options, storageDir }).catch(async (thrown: unknown) => {
    await remove();
    throw thrown;
  });
  const stop = async (): Promise<void> => {
    await stack.stop();
    await remove();
  };
  return { ...stack, stop };
}
