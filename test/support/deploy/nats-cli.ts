import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { runCommand } from '../../../dev/machine/command.ts';
import { cacheDirectory, hostEnvironment } from '../../../dev/machine/environment.ts';
import { withLock } from '../../../dev/nats-binary/lock.ts';

const VERSION = '0.5.1';
const LONGEST_MS = 8 * 60_000;

/**
 * Finds the `nats` CLI in the cache, or builds it there with Go (two minutes, once).
 * @returns the path of the program
 */
export async function locateNatsCli(): Promise<string> {
  const environment = hostEnvironment();
  const home = path.join(cacheDirectory(environment), 'nats-cli', `v${VERSION}`);
  const program = path.join(home, 'nats');
  await mkdir(home, { recursive: true });
  const build = async (): Promise<void> => {
    if (await isThere(program)) return;
    const folder = await mkdtemp(path.join(home, 'building-'));
    await runCommand('go', ['install', `github.com/nats-io/natscli/nats@v${VERSION}`], {
      cwd: folder,
      environment: { ...environment, GOBIN: folder, CGO_ENABLED: '0' },
      timeoutMs: LONGEST_MS,
    });
    await rename(path.join(folder, 'nats'), program);
    await rm(folder, { recursive: true });
  };
  await withLock(path.join(home, 'lock'), build, () => undefined);
  return program;
}

function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
