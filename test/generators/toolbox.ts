import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findOnPath } from '../../dev/machine/command.ts';
import { cacheDirectory, hostEnvironment } from '../../dev/machine/environment.ts';
import { withLock } from '../../dev/nats-binary/lock.ts';
import { SUITE } from '../support/suite-settings.ts';

const PINNED = fileURLToPath(new URL('pinned/', import.meta.url));
const LONGEST_MS = 500_000;
const MAX_OUTPUT = 64 * 1024 * 1024;

/** What a generator and its clients need on a machine. */
export interface Toolbox {
  /** The folder of the files that pin the versions, in `pinned/`. */
  readonly generator: string;
  /** The programs that must be on PATH. */
  readonly needs: readonly string[];
  /** Shell commands that install the pinned packages in a folder that has the pinned files. Go needs none. */
  readonly install?: string;
  /** The folders in it that go to the front of PATH. */
  readonly onPath?: string;
  /** The folder in it that a client needs beside its program. */
  readonly linked?: string;
}

/** The programs that a toolbox needs and this machine lacks. */
export async function missingPrograms({ needs }: Pick<Toolbox, 'needs'>): Promise<string[]> {
  const { PATH } = hostEnvironment();
  const found = await Promise.all(needs.map((program) => findOnPath(program, PATH)));
  return needs.filter((_, index) => found[index] === undefined);
}

/** Skips a test whose programs are not on this machine, and says so. In CI that is a failure. */
export async function needPrograms(
  { needs, generator }: Pick<Toolbox, 'needs'> & Partial<Pick<Toolbox, 'generator'>>,
  skip: (note: string) => never,
): Promise<void> {
  const missing = await missingPrograms({ needs });
  if (missing.length === 0) return;
  const what = generator === undefined ? 'NOT TESTED' : `${generator} is NOT TESTED`;
  const note = `${what}: not on PATH: ${missing.join(', ')}`;
  if (SUITE.CI !== undefined) throw new Error(note);
  process.stderr.write(`\n${note}\n\n`);
  skip(note);
}

/**
 * Puts the pinned files into `folder`, and what they name into the cache outside the clone, unless it is there.
 * @returns the environment in which the generator runs
 */
export async function prepare(toolbox: Toolbox, folder: string): Promise<NodeJS.ProcessEnv> {
  const pinned = path.join(PINNED, toolbox.generator);
  await cp(pinned, folder, { recursive: true });
  const environment = toolEnvironment();
  if (toolbox.install === undefined) return environment;
  const installed = await installOnce(pinned, toolbox.install, environment);
  if (toolbox.linked !== undefined)
    await symlink(path.join(installed, toolbox.linked), path.join(folder, toolbox.linked));
  if (toolbox.onPath !== undefined)
    environment.PATH = [path.join(installed, toolbox.onPath), environment.PATH].join(path.delimiter);
  return environment;
}

/** This process's environment, with the Node that runs the tests first on PATH. */
export function toolEnvironment(): NodeJS.ProcessEnv {
  const environment = { ...hostEnvironment() };
  // These are about this project: `npm run` and vitest set them.
  for (const name of ['NODE_ENV', 'NODE_OPTIONS', 'npm_config_local_prefix']) delete environment[name];
  environment.PATH = [path.dirname(process.execPath), environment.PATH].join(path.delimiter);
  // Else Go's cache keeps what it compiles by the temporary folder, and never finds it again.
  environment.GOFLAGS = [environment.GOFLAGS ?? '', '-trimpath'].join(' ').trim();
  return environment;
}

/**
 * Runs commands in a copy of a folder with pinned files, outside the clone, unless that was done before.
 *
 * @returns the folder with the installed packages. It has a name of its own for each set of versions, and is a link to the folder of
 * the run that installed them: what is left of a run that was killed works in another folder, and cannot harm it.
 */
export async function installOnce(
  pinned: string,
  commands: string,
  environment: NodeJS.ProcessEnv,
): Promise<string> {
  const home = path.join(cacheDirectory(environment), 'generators');
  const installed = path.join(home, await digestOf(pinned, commands));
  await mkdir(home, { recursive: true });
  await withLock(
    `${installed}.lock`,
    async () => {
      if (await exists(installed)) return;
      const folder = await mkdtemp(`${installed}-`);
      await cp(pinned, folder, { recursive: true });
      await runShell(commands, folder, environment);
      await symlink(folder, `${folder}.link`);
      await rename(`${folder}.link`, installed);
    },
    () => undefined,
  );
  return installed;
}

async function digestOf(folder: string, commands: string): Promise<string> {
  const hash = createHash('sha256').update(commands).update(process.version);
  for (const name of (await readdir(folder)).sort())
    hash.update(name).update(await readFile(path.join(folder, name)));
  return `${path.basename(folder)}-${hash.digest('hex').slice(0, 12)}`;
}

function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

/**
 * Runs shell commands, and stops at the first that fails.
 * @returns what they print
 * @throws Error with all that they print
 */
export function runShell(commands: string, cwd: string, environment: NodeJS.ProcessEnv): Promise<string> {
  const settings = { cwd, env: environment, timeout: LONGEST_MS, maxBuffer: MAX_OUTPUT };
  return new Promise((resolve, reject) => {
    execFile('sh', ['-e', '-x', '-c', commands], settings, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${error.message}\n${stderr}\n${stdout}`));
    });
  });
}
