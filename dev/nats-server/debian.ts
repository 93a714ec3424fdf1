import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type RunOptions, runCommand } from './run.ts';

/**
 * Fetches and unpacks Debian's (or Ubuntu's) nats-server package into `directory`, without root and without
 * installing it, and gives the path of the binary. Debian 12 has 2.9.
 */
export async function unpackDebianPackage(
  directory: string,
  environment: NodeJS.ProcessEnv,
): Promise<string> {
  const options: RunOptions = { cwd: directory, environment, timeoutMs: 120_000 };
  await downloadPackage(options, directory);
  const file = (await readdir(directory)).find((name) => name.endsWith('.deb'));
  if (file === undefined) throw new Error('apt-get download left no .deb file');
  await runCommand('dpkg-deb', ['-x', file, 'package'], options);
  return join(directory, 'package', 'usr', 'sbin', 'nats-server');
}

async function downloadPackage(options: RunOptions, directory: string): Promise<void> {
  try {
    await runCommand('apt-get', ['download', 'nats-server'], options);
  } catch (error) {
    if (error instanceof Error && error.message.endsWith('not found')) throw error;
    // Container images ship without package lists, and `apt-get update` needs root: use lists of our own.
    const lists = join(directory, 'lists');
    const archives = join(directory, 'apt-cache');
    await mkdir(join(lists, 'partial'), { recursive: true });
    await mkdir(join(archives, 'archives', 'partial'), { recursive: true });
    const privately = ['-o', `Dir::State::Lists=${lists}`, '-o', `Dir::Cache=${archives}`];
    await runCommand('apt-get', ['update', ...privately], options);
    await runCommand('apt-get', ['download', 'nats-server', ...privately], options);
  }
}
