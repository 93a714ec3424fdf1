import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { atEndOfFile } from './cleanup.ts';

/** Makes an empty folder that is removed after the last test of the file. @returns its absolute path */
export async function scratchFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'throughline-test-'));
  atEndOfFile(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
