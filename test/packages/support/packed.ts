import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { runCommand } from '../../../dev/machine/command.ts';
import { hostEnvironment } from '../../../dev/machine/environment.ts';
import manifest from '../../../package.json' with { type: 'json' };
import { PACKAGES } from '../../../scripts/packages/catalog.ts';
import { blockOf, ROOT } from '../../support/docs/pages.ts';

const TIMEOUT_MS = 180_000;

declare module 'vitest' {
  export interface ProvidedContext {
    /** The folder with the packed packages. */
    packed: string;
    /** The packed packages, by name. */
    tarballs: Readonly<Record<string, string>>;
  }
}

/**
 * Builds and packs all packages as docs/PACKAGES.md says, before the first test.
 * @returns a function that removes what was packed
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(path.join(tmpdir(), 'throughline-packed-'));
  const packed = path.join(folder, 'packed');
  const commands = blockOf('docs/PACKAGES.md', 'sh pack').replace(/(?<= )packed\b/g, packed);
  await runCommand('sh', ['-e', '-c', commands], {
    timeoutMs: TIMEOUT_MS,
    cwd: ROOT,
    environment: hostEnvironment(),
  });
  const fileOf = (name: string): string =>
    path.join(packed, `${name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`);
  project.provide('packed', packed);
  project.provide('tarballs', Object.fromEntries(PACKAGES.map(({ name }) => [name, fileOf(name)])));
  return () => rm(folder, { recursive: true, force: true });
}
