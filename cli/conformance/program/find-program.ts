import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';
import { CliError } from '../../cli-error.ts';

/**
 * Looks for a program as the system would, before anything is started for it.
 * @param file a path, or a name that a folder of PATH has
 * @param searchPath PATH of the environment that it is to run in. Undefined: nothing is looked for, since systems differ
 * @throws CliError `usage-invalid` if there is no such program
 */
export async function findProgram(file: string, searchPath: string | undefined): Promise<void> {
  if (file.includes('/')) return await mustRun(file, [file]);
  if (searchPath === undefined) return;
  await mustRun(
    file,
    searchPath.split(path.delimiter).map((folder) => path.join(folder, file)),
  );
}

async function mustRun(file: string, places: readonly string[]): Promise<void> {
  for (const place of places) if (await isExecutable(place)) return;
  throw new CliError(
    'usage-invalid',
    `the program under test cannot be started: there is no program ${file}`,
  );
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
