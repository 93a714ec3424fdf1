import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { runCommand } from '../../../dev/machine/command.ts';

const LIMIT = { timeoutMs: 10_000 };

/** A file system of a few megabytes. */
interface SmallDisk {
  readonly path: string;
  /** Fills it. */
  readonly fill: () => Promise<void>;
  /** Frees the space again. */
  readonly free: () => Promise<void>;
}

/** Whether this process may mount a file system, which mostly needs root. */
export async function canMount(): Promise<boolean> {
  const directory = await mkdtemp(path.join(tmpdir(), 'throughline-mount-'));
  try {
    await runCommand('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory], LIMIT);
    await runCommand('umount', [directory], LIMIT);
    return true;
  } catch {
    return false;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Mounts a tmpfs of so many megabytes; it is unmounted after the test. */
export async function mountSmall(megabytes: number): Promise<SmallDisk> {
  const directory = await mkdtemp(path.join(tmpdir(), 'throughline-disk-'));
  await runCommand('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', directory], LIMIT);
  onTestFinished(async () => {
    await runCommand('umount', ['--lazy', directory], LIMIT);
    await rm(directory, { recursive: true, force: true });
  });
  const filler = path.join(directory, 'filler');
  return {
    path: directory,
    fill: async () => {
      const chunk = Buffer.alloc(64 * 1024, 1);
      // Ends with an error when there is no room left, as intended.
      await writeFile(filler, Array(megabytes * 16).fill(chunk)).catch(() => undefined);
    },
    free: () => rm(filler, { force: true }),
  };
}
