/** What the suite installs outside the clone: packages of npm, PyPI, Maven Central and Debian, each pinned where it can be. */
import { cp, mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../../../dev/machine/command.ts';
import { downloadDebianPackages } from '../../../dev/machine/debian-package.ts';
import { cacheDirectory } from '../../../dev/machine/environment.ts';
import { withLock } from '../../../dev/nats-binary/lock.ts';
import { installOnce, toolEnvironment } from '../../generators/toolbox.ts';
import { atEndOfFile } from '../../support/cleanup.ts';
import { blocksOf, fileOf, ROOT } from '../../support/docs/pages.ts';

const PINNED = fileURLToPath(new URL('../pinned/', import.meta.url));

const PROGRAMS = fileURLToPath(new URL('../programs/', import.meta.url));

const MAVEN = 'mvn --quiet --batch-mode dependency:copy-dependencies -DoutputDirectory=jars';

const NPM = 'npm install --ignore-scripts --no-package-lock --no-audit --no-fund';

const INSTALL = {
  node: NPM,
  deno: NPM,
  celery: 'python3 -m venv venv\nvenv/bin/python -m pip install --quiet --requirement requirements.txt',
  kafka: MAVEN,
  sqs: MAVEN,
};

/** @returns the folder in which the pinned packages are installed */
export const installed = (what: keyof typeof INSTALL): Promise<string> =>
  installOnce(path.join(PINNED, what), INSTALL[what], toolEnvironment());

/** Fetches packages of Debian and unpacks them into one folder outside the clone. It needs no root. @returns the folder */
export async function unpacked(name: string, packages: readonly string[]): Promise<string> {
  const environment = toolEnvironment();
  const home = path.join(cacheDirectory(environment), 'debian');
  const folder = path.join(home, name);
  await mkdir(home, { recursive: true });
  await withLock(
    `${folder}.lock`,
    async () => {
      if ((await readdir(folder).catch(() => [])).length > 0) return;
      const fetching = await mkdtemp(`${folder}-`);
      await downloadDebianPackages(packages, fetching, environment);
      const files = (await readdir(fetching)).filter((file) => file.endsWith('.deb'));
      const options = { cwd: fetching, environment, timeoutMs: 60_000 };
      for (const file of files) await runCommand('dpkg-deb', ['-x', file, 'root'], options);
      await rename(path.join(fetching, 'root'), folder);
      await rm(fetching, { recursive: true });
    },
    () => undefined,
  );
  return folder;
}

/**
 * Makes a folder with the files of a page, as its reader would, with the programs of other people, and with the packages of
 * `node`. It is inside the project, so
 * that `throughline/…` resolves as it does for a reader.
 */
export async function readersFolder(page: string): Promise<string> {
  await mkdir(path.join(ROOT, '.throughline'), { recursive: true });
  const folder = await mkdtemp(path.join(ROOT, '.throughline/carriers-'));
  atEndOfFile(() => rm(folder, { recursive: true, force: true }));
  await cp(PROGRAMS, folder, { recursive: true });
  await symlink(path.join(await installed('node'), 'node_modules'), path.join(folder, 'node_modules'));
  for (const block of blocksOf(page)) {
    const file = fileOf(block);
    if (file === undefined) continue;
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await writeFile(path.join(folder, file), block.text);
  }
  return folder;
}
