import { readFile, stat } from 'node:fs/promises';

/**
 * Reads a file of text. A mark of UTF-8 at its beginning, as editors of Windows write it, is left out. A pipe or a device is not
 * read, since it may never end.
 * @throws what Node throws if it cannot be read; an error with the code `ENOTREG` for what is neither a file nor a folder
 */
export async function readRegularFile(file: string): Promise<string> {
  const found = await stat(file);
  if (!found.isFile() && !found.isDirectory())
    throw Object.assign(new Error('not a regular file'), { code: 'ENOTREG' });
  return (await readFile(file, 'utf8')).replace(/^\ufeff/, '');
}
