import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../../../dev/machine/command.ts';
import { unpackDebianPackage } from '../../../dev/machine/debian-package.ts';
import { cacheDirectory, hostEnvironment } from '../../../dev/machine/environment.ts';
import { describeThrown } from '../../../shared/errors.ts';

/** The programs of Prometheus. */
export interface Prometheus {
  readonly server: string;
  readonly promtool: string;
}

/**
 * Finds Debian's Prometheus in the cache, or fetches it: it is unpacked, not installed.
 * @returns the programs, or a sentence that says why they cannot be had
 */
export async function locatePrometheus(): Promise<Prometheus | string> {
  const environment = hostEnvironment();
  const home = join(cacheDirectory(environment), 'prometheus');
  const found = programsIn(join(home, 'debian'));
  if (await runs(found)) return found;
  try {
    await mkdir(home, { recursive: true });
    const directory = await mkdtemp(join(home, 'fetching-'));
    try {
      const unpacked = await unpackDebianPackage('prometheus', directory, environment);
      // Another process may have been faster.
      await rename(unpacked, join(home, 'debian')).catch(() => undefined);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
    return (await runs(found)) ? found : `Debian's Prometheus does not run on this machine`;
  } catch (thrown) {
    return `Debian's package prometheus cannot be had: ${describeThrown(thrown)}`;
  }
}

function programsIn(folder: string): Prometheus {
  return {
    server: join(folder, 'usr/bin/prometheus'),
    promtool: join(folder, 'usr/bin/promtool'),
  };
}

async function runs({ promtool }: Prometheus): Promise<boolean> {
  return await runCommand(promtool, ['--version'], { timeoutMs: 60_000 }).then(
    () => true,
    () => false,
  );
}
