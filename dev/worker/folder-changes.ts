import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { pause } from '../../shared/timers.ts';

const PAUSE_MS = 250;
/** In a large folder, the looking may take a tenth of the time. */
const PAUSE_PER_LOOK = 9;
/** A link to a folder above leads round and round. */
const MAX_DEPTH = 10;

/**
 * The changes of the files in a folder and in the folders below it, but for `node_modules` and for names that begin with a dot.
 *
 * It looks at all files again and again. A watch of the system follows a file, not its name: it is lost when an editor
 * puts a new file in the place of the old one. It also sees nothing in a folder that another machine shares.
 */
export class FolderChanges {
  readonly #folder: string;
  #seen: string;

  private constructor(folder: string, seen: string) {
    this.#folder = folder;
    this.#seen = seen;
  }

  /** All changes from now on. */
  static async of(folder: string): Promise<FolderChanges> {
    return new FolderChanges(folder, await stateOf(folder));
  }

  /**
   * Resolves at the next change; at once if there was one since the last call.
   * @throws the reason of `signal` when it aborts; without a change, if it has aborted before the call
   */
  async next(signal: AbortSignal): Promise<void> {
    for (;;) {
      const began = performance.now();
      const state = await stateOf(this.#folder);
      if (state !== this.#seen) {
        this.#seen = state;
        return;
      }
      await pause(Math.max(PAUSE_MS, PAUSE_PER_LOOK * (performance.now() - began)), signal);
    }
  }
}

/** A text that is another one after each change. A folder that is not there has no files. */
async function stateOf(folder: string): Promise<string> {
  return (await filesIn(folder, 0)).sort().join('\n');
}

async function filesIn(folder: string, depth: number): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((): Dirent[] => []);
  const files: string[] = [];
  for (const { name } of entries) {
    if (name === 'node_modules' || name.startsWith('.')) continue;
    const file = path.join(folder, name);
    const found = await stat(file).catch(() => undefined);
    if (found?.isFile()) files.push(`${file} ${found.ino} ${found.size} ${found.mtimeMs}`);
    if (found?.isDirectory() && depth < MAX_DEPTH) files.push(...(await filesIn(file, depth + 1)));
  }
  return files;
}
