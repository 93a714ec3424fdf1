import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const ends: (() => unknown)[] = [];

/**
 * Calls `end` after the last test of the file that runs now. The tests of a file may run side by side and share what
 * a helper started, so it ends with the file and not with a test.
 */
export function atEndOfFile(end: () => unknown): void {
  ends.push(end);
}

/** Ends everything that the tests of a file have started, last first. */
export async function endAll(): Promise<void> {
  const failures: unknown[] = [];
  for (const end of ends.splice(0).reverse()) {
    try {
      await end();
    } catch (thrown) {
      failures.push(thrown);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'something that a test started did not end');
}

/** Makes an empty folder that is removed after the last test of the file. @returns its absolute path */
export async function scratchFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'throughline-test-'));
  atEndOfFile(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
