import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { runCommand } from '../../dev/machine/command.ts';
import { hostEnvironment } from '../../dev/machine/environment.ts';
import { guardProcess } from '../../dev/machine/guard.ts';
import { ThroughlineError } from '../../shared/errors.ts';

const POLL_MS = 50;
const KEPT_LINES = 5;
const VERSION_MS = 20_000;

/** How the server of a peer is started. */
interface ServerOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** Its folder, which is removed when the server has ended. */
  readonly directory: string;
  /** The user it runs as; without it, the user of this process. */
  readonly user?: { readonly uid?: number; readonly gid?: number };
  /** Whether it takes connections. @param lines the last lines that it wrote */
  readonly isReady: (lines: readonly string[]) => boolean | Promise<boolean>;
}

/** The server of a peer, which takes connections. */
export interface PeerServer {
  readonly pid: number;
  /** Ends it with a signal, and removes its folder. */
  readonly stop: (signal: NodeJS.Signals) => Promise<void>;
}

/**
 * Asks a program for its version, so that one that cannot start is known before anything is measured.
 * @param setting the environment variable that names the program
 * @throws ThroughlineError `config-invalid` with the setting, the program, and the last lines of its standard error
 */
export async function checkProgram(setting: string, program: string): Promise<void> {
  const options = { timeoutMs: VERSION_MS, environment: hostEnvironment() };
  await runCommand(program, ['--version'], options).catch(({ message }: Error) => {
    throw new ThroughlineError('config-invalid', `${setting} names a program that cannot start: ${message}`);
  });
}

/**
 * Starts the server of a peer, and waits until it takes connections. It ends with this process.
 * @throws Error with the program and the last lines that it wrote, if it cannot start, or ends before it is ready
 */
export async function startServer(options: ServerOptions): Promise<PeerServer> {
  const { program, args, directory, user, isReady } = options;
  const server = spawn(program, args, { ...user, stdio: ['ignore', 'pipe', 'pipe'] });
  const lines = lastLines(server);
  const ended = endOf(server);
  let end: string | undefined;
  void ended.then((how) => {
    end = how;
  });
  const guard = server.pid === undefined ? undefined : guardProcess(server.pid, directory);
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    server.kill(signal);
    await ended;
    guard?.release();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    while (!(await isReady(lines))) {
      if (end !== undefined) throw new Error(`${program} ${end}: ${lines.join(' / ')}`);
      await delay(POLL_MS);
    }
  } catch (thrown) {
    await stop('SIGKILL');
    throw thrown;
  }
  return { pid: server.pid ?? 0, stop };
}

/** The last lines of both outputs: some servers write their errors to standard output. */
function lastLines({ stdout, stderr }: ChildProcess): readonly string[] {
  const lines: string[] = [];
  for (const input of [stdout, stderr])
    if (input !== null)
      createInterface({ input }).on('line', (line) => {
        lines.push(line);
        lines.splice(0, lines.length - KEPT_LINES);
      });
  return lines;
}

/** How the program ended. All of its output has been read then. */
async function endOf(server: ChildProcess): Promise<string> {
  try {
    const [code, signal] = (await once(server, 'close')) as [number | null, NodeJS.Signals | null];
    return `ended with ${code ?? signal} before it was ready`;
  } catch (thrown) {
    return `cannot start: ${(thrown as Error).message}`;
  }
}

/** Whether a folder has a package installed by npm. */
export function hasPackage(folder: string | undefined, name: string): boolean {
  return (
    folder !== undefined &&
    [`node_modules/${name}`, 'package-lock.json'].every((file) => existsSync(path.join(folder, file)))
  );
}
