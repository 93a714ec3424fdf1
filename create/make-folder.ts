import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';

/**
 * Makes a folder, and those above it that are missing. It does nothing if the folder is there.
 *
 * Node's own `recursive` never ends where a folder takes no new ones and says `ENOENT`, as /proc does: it makes the folder
 * above, which is there, and tries again for ever.
 * @param mode the rights of the folders that are made
 * @throws what Node throws if it cannot be made: `ENOENT` if the folder above takes no new ones, `ENOTDIR` or `EEXIST` for a file
 */
export async function makeFolder(folder: string, { mode = 0o777 } = {}): Promise<void> {
  try {
    await mkdir(folder, { mode });
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    // Windows and file systems that take no changes say something else about a folder that is there.
    if (code !== 'ENOENT' && (await isFolder(folder))) return;
    const above = path.dirname(path.resolve(folder));
    // A drive of Windows that is not there is above itself.
    if (code !== 'ENOENT' || above === path.resolve(folder)) throw thrown;
    // If the folder above is there, somebody may have made it since.
    if (!(await isFolder(above))) await makeFolder(above, { mode });
    await makeMissing(folder, mode);
  }
}

/** Makes a folder whose folder above is there. Somebody else may have made it meanwhile. */
async function makeMissing(folder: string, mode: number): Promise<void> {
  try {
    await mkdir(folder, { mode });
  } catch (thrown) {
    if (!(await isFolder(folder))) throw thrown;
  }
}

async function isFolder(folder: string): Promise<boolean> {
  const found = await stat(folder).catch(() => undefined);
  return found?.isDirectory() ?? false;
}
