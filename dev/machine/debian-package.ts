import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../create/make-folder.ts';
import { type RunOptions, runCommand } from './command.ts';

/**
 * Fetches a package of Debian or Ubuntu and unpacks it into `directory`. It needs no root and installs nothing.
 * @returns the folder that holds what the package would install, such as `usr/bin`
 */
export async function unpackDebianPackage(
  name: string,
  directory: string,
  environment: NodeJS.ProcessEnv,
): Promise<string> {
  const options: RunOptions = { cwd: directory, environment, timeoutMs: 120_000 };
  await downloadDebianPackages([name], directory, environment);
  const file = (await readdir(directory)).find((entry) => entry.endsWith('.deb'));
  if (file === undefined) throw new Error('apt-get download left no .deb file');
  await runCommand('dpkg-deb', ['-x', file, 'package'], options);
  return join(directory, 'package');
}

/** Fetches packages of Debian or Ubuntu into `directory`, as `.deb` files. It needs no root and installs nothing. */
export async function downloadDebianPackages(
  names: readonly string[],
  directory: string,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const options: RunOptions = { cwd: directory, environment, timeoutMs: 120_000 };
  try {
    await runCommand('apt-get', ['download', ...names], options);
  } catch (error) {
    if (error instanceof Error && error.message.endsWith('not found')) throw error;
    // Container images have no package lists, and `apt-get update` needs root: keep the lists in `directory`.
    const lists = join(directory, 'lists');
    const archives = join(directory, 'apt-cache');
    await makeFolder(join(lists, 'partial'));
    await makeFolder(join(archives, 'archives', 'partial'));
    const ownFolders = ['-o', `Dir::State::Lists=${lists}`, '-o', `Dir::Cache=${archives}`];
    await runCommand('apt-get', ['update', ...ownFolders], options);
    await runCommand('apt-get', ['download', ...names, ...ownFolders], options);
  }
}
