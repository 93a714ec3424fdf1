import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { hostEnvironment } from '../host-environment.ts';
import { guardProcess } from '../process-guard.ts';

/** One run of a server, from its start to its exit. */
export interface ServerProcess {
  readonly pid: number;
  /** The exit code, null when a signal ended it. */
  readonly exited: Promise<number | null>;
  readonly running: boolean;
  signal(signal: NodeJS.Signals): void;
}

/**
 * Starts a program that writes to `logFile`, with `environment` on top of this process's own. It dies with this process, whatever ends this one, and then
 * `directory` is removed.
 */
export async function spawnServer(
  command: string,
  args: readonly string[],
  logFile: string,
  directory: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  const log = await open(logFile, 'a');
  try {
    // Detached: Ctrl-C in the terminal is for the parent, which stops the server after what depends on it.
    const child = spawn(command, args, {
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: { ...hostEnvironment(), ...environment },
    });
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    await once(child, 'spawn');
    const { pid } = child;
    if (pid === undefined) throw new Error(`${command} started without a process id`);
    const guard = guardProcess(pid, directory);
    void exited.then(() => guard.release());
    return {
      pid,
      exited,
      get running() {
        return child.exitCode === null && child.signalCode === null;
      },
      signal: (signal) => void child.kill(signal),
    };
  } finally {
    await log.close();
  }
}
