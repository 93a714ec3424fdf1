import { readFile, stat } from 'node:fs/promises';

/**
 * Reads a file of text. A mark of UTF-8 at its beginning, as editors of Windows write it, is left out. A pipe or a device is not
 * read, since it may never end.
 * @throws what Node throws if it cannot be read; an error with the code `ENOTREG` for what is neither a file nor a folder
 */
export async function readRegularFile(file: string): Promise<string> {
  await checkRegularFile(file);
  return (await readFile(file, 'utf8')).replace(/^\ufeff/, '');
}

/** @throws what Node throws if it is not there; an error with the code `ENOTREG` for what is neither a file nor a folder */
export async function checkRegularFile(file: string): Promise<void> {
  const found = await stat(file);
  if (found.isFile() || found.isDirectory()) return;
  throw Object.assign(new Error('not a regular file'), { code: 'ENOTREG' });
}
