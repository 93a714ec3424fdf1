import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { runCommand } from '../../../dev/machine/command.ts';
import { hostEnvironment } from '../../../dev/machine/environment.ts';
import { PACKAGES } from '../../../scripts/packages/catalog.ts';

const TIMEOUT_MS = 180_000;

declare module 'vitest' {
  export interface ProvidedContext {
    /** The packed packages, by name. */
    tarballs: Readonly<Record<string, string>>;
  }
}

/** Builds and packs all packages, before the first test. @returns a function that removes what was packed */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(path.join(tmpdir(), 'throughline-packed-'));
  const run = (command: string, args: readonly string[], cwd: string) =>
    runCommand(command, args, { timeoutMs: TIMEOUT_MS, cwd, environment: hostEnvironment() });
  await run(process.execPath, ['scripts/build-packages.ts'], process.cwd());
  const tarballs: Record<string, string> = {};
  for (const { name, folder } of PACKAGES) {
    const target = path.join(directory, folder);
    await run(
      'npm',
      ['pack', '--silent', '--pack-destination', directory],
      path.resolve('dist/packages', folder),
    );
    const packed = await readdir(directory);
    const file = packed.find((one) => !Object.values(tarballs).includes(path.join(directory, one)));
    if (file === undefined) throw new Error(`npm packed nothing for ${target}`);
    tarballs[name] = path.join(directory, file);
  }
  project.provide('tarballs', tarballs);
  return () => rm(directory, { recursive: true, force: true });
}
