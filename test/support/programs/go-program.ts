import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findOnPath, runCommand } from '../../../dev/machine/command.ts';
import { cacheDirectory, hostEnvironment } from '../../../dev/machine/environment.ts';
import { withLock } from '../../../dev/nats-binary/lock.ts';
import { describeThrown } from '../../../shared/errors.ts';

/** One processor needs minutes for such a program: it has hundreds of packages. */
const BUILD_MS = 30 * 60_000;

/** Runs `go` with these arguments, in an empty folder of the build's own. */
export type Go = (...args: string[]) => Promise<string>;

/** A program that is built with Go, once for all runs. */
export interface GoProgram {
  /** The name of the program and of its folder in the cache. */
  readonly name: string;
  readonly version: string;
  /** The arguments with which it ends at once, and well. */
  readonly check: readonly string[];
  /** Whether it may be built now, and the command that builds it. */
  readonly mayBuild: boolean;
  readonly builtBy: string;
  /** Makes a module in the folder, whose package {@link GoProgram.package} is the program. */
  readonly prepare: (folder: string, go: Go) => Promise<unknown>;
  readonly package: string;
  /** More flags of `go build`. */
  readonly flags?: readonly string[];
}

/**
 * Finds a program in the cache, or builds it there if it may.
 * @returns the path of the program, or why there is none
 */
export async function locateGoProgram(
  program: GoProgram,
): Promise<{ readonly path: string } | { readonly problem: string }> {
  const { name, version, check, mayBuild, builtBy } = program;
  const environment = hostEnvironment();
  const home = join(cacheDirectory(environment), name);
  const path = join(home, version, name);
  const works = (): Promise<boolean> =>
    runCommand(path, check, { timeoutMs: 20_000 }).then(
      () => true,
      () => false,
    );
  if (await works()) return { path };
  if (!mayBuild) return { problem: `there is none at ${path}; ${builtBy} builds it` };
  if ((await findOnPath('go', environment.PATH)) === undefined)
    return { problem: `there is none at ${path}, and no Go to build it with` };
  try {
    await mkdir(home, { recursive: true });
    const build = async (): Promise<void> => {
      if (!(await works())) await buildInto(path, home, program);
    };
    await withLock(join(home, 'lock'), build, () => undefined);
    return { path };
  } catch (thrown) {
    return { problem: `${name} ${version} cannot be built here: ${describeThrown(thrown)}` };
  }
}

async function buildInto(path: string, home: string, program: GoProgram): Promise<void> {
  const { name, version, prepare, flags = [] } = program;
  const cwd = await mkdtemp(join(home, 'building-'));
  const environment = { ...hostEnvironment(), CGO_ENABLED: '0' };
  const go: Go = (...args) => runCommand('nice', ['go', ...args], { cwd, environment, timeoutMs: BUILD_MS });
  try {
    await prepare(cwd, go);
    const common = ['-p', '1', '-trimpath', '-ldflags', '-s -w', '-o', name];
    await go('build', ...flags, ...common, program.package);
    await mkdir(join(home, version), { recursive: true });
    await rename(join(cwd, name), path);
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}
