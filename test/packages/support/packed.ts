import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { runCommand } from '../../../dev/machine/command.ts';
import { hostEnvironment } from '../../../dev/machine/environment.ts';
import manifest from '../../../package.json' with { type: 'json' };
import { PACKAGES, WORKER_NODE } from '../../../scripts/packages/catalog.ts';
import { copyTree } from '../../support/deploy/copy-tree.ts';
import { blockOf, ROOT } from '../../support/docs/pages.ts';
import { NPM_SETTINGS } from './npm.ts';

const TIMEOUT_MS = 600_000;

declare module 'vitest' {
  export interface ProvidedContext {
    /** The folder with the packed packages. */
    packed: string;
    /** The packed packages, by name. */
    tarballs: Readonly<Record<string, string>>;
    /** Projects into which packages were installed once, for all tests. A test works in a copy. */
    installed: Installed;
    /** The program of the oldest Node that the packages are for. */
    oldestNode: string;
  }
}

/** Projects in which the commands of docs/PACKAGES.md that install the packages were run. */
interface Installed {
  /** It has what the first command brings: `throughline` and `zod`. */
  readonly worker: string;
  /** It has what all commands bring: `@throughline/dev` and `@throughline/edge` too. */
  readonly all: string;
}

/**
 * Builds, packs and installs all packages as docs/PACKAGES.md says, before the first test.
 * @returns a function that removes what was packed and installed
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(path.join(tmpdir(), 'throughline-packed-'));
  // The page installs from `../throughline/packed`.
  const packed = path.join(folder, 'throughline/packed');
  const installsNode = installOldestNode(path.join(folder, 'oldest-node'));
  await run(ROOT, blockOf('docs/PACKAGES.md', 'sh pack').replace(/(?<= )packed\b/g, packed));
  const fileOf = (name: string): string =>
    path.join(packed, `${name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`);
  project.provide('packed', packed);
  project.provide('tarballs', Object.fromEntries(PACKAGES.map(({ name }) => [name, fileOf(name)])));
  project.provide('oldestNode', await installsNode);
  project.provide('installed', await install(folder));
  return () => rm(folder, { recursive: true, force: true });
}

/** Runs the commands of the page that install the packages. */
async function install(folder: string): Promise<Installed> {
  const worker = path.join(folder, 'worker');
  const all = path.join(folder, 'all');
  const [first = '', ...others] = blockOf('docs/PACKAGES.md', 'sh install').trim().split('\n');
  await makeProject(worker, { type: 'module' });
  await run(worker, first);
  await copyTree(worker, all);
  await run(all, others.join('\n'));
  return { worker, all };
}

async function installOldestNode(folder: string): Promise<string> {
  // npm runs no script of a package, unless its name is here.
  await makeProject(folder, { allowScripts: { node: true } });
  await run(folder, `npm install node@${WORKER_NODE.replace('>=', '')}`);
  return path.join(folder, 'node_modules/node/bin/node');
}

async function makeProject(folder: string, more: object): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'package.json'), JSON.stringify({ private: true, ...more }));
}

async function run(cwd: string, commands: string): Promise<void> {
  const environment = { ...hostEnvironment(), ...NPM_SETTINGS };
  await runCommand('sh', ['-e', '-c', commands], { timeoutMs: TIMEOUT_MS, cwd, environment });
}
