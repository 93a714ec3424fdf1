import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { guardProcess } from './guard.ts';

/** How long the last lines of a child are waited for. */
const LAST_LINES_MS = 2_000;

interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** All environment variables of the child. */
  readonly environment: NodeJS.ProcessEnv;
  /** Takes standard output and standard error: a file to append to, or a function for each line. */
  readonly output: { readonly file: string } | ChildLines;
  /** A folder to remove when this process ends before the child. */
  readonly directory?: string;
}

interface ChildLines {
  readonly onLine: (line: string) => void;
  /** Takes what the child says with `process.send`. Only a child that is Node has that. */
  readonly onMessage?: (message: unknown) => void;
}

/** A program that runs beside this process. */
export interface Child {
  readonly pid: number;
  /** Resolves when the child has ended and its last lines are read: with its exit code, or with null when a signal ended it. */
  readonly exited: Promise<number | null>;
  readonly running: boolean;
  signal(signal: NodeJS.Signals): void;
  /** Sends SIGTERM, and SIGKILL when the child still runs after `patienceMs`. Resolves when it has ended. */
  terminate(patienceMs: number): Promise<void>;
}

/**
 * Starts a program. The child ends with this process, however this process ends. Ctrl-C in the terminal does not reach
 * the child: this process stops its children in order.
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { output } = options;
  if ('onLine' in output) {
    const { onLine, onMessage } = output;
    const child = spawnChild(options, 'pipe', onMessage === undefined ? [] : ['ipc']);
    if (onMessage !== undefined) child.on('message', onMessage);
    readLines(child.stdout, onLine);
    readLines(child.stderr, onLine);
    return await guarded(child, options);
  }
  const file = await open(output.file, 'a');
  try {
    return await guarded(spawnChild(options, file.fd), options);
  } finally {
    await file.close();
  }
}

function spawnChild(
  { command, args, environment }: ChildOptions,
  output: 'pipe' | number,
  more: readonly 'ipc'[] = [],
): ChildProcess {
  return spawn(command, args, {
    detached: true,
    stdio: ['ignore', output, output, ...more],
    env: environment,
  });
}

/** Waits for the last lines of a child, which may be read only after it has ended. A program that it started may keep its output open. */
function endOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    child.once('exit', (code) => {
      const timer = setTimeout(() => resolve(code), LAST_LINES_MS);
      child.once('close', () => {
        clearTimeout(timer);
        resolve(code);
      });
    });
  });
}

async function guarded(child: ChildProcess, { command, directory }: ChildOptions): Promise<Child> {
  const exited = endOf(child);
  await once(child, 'spawn');
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} started without a process id`);
  const guard = guardProcess(pid, directory);
  void exited.then(() => guard.release());
  return controlsOf(child, pid, exited);
}

function readLines(stream: Readable | null, onLine: (line: string) => void): void {
  if (stream !== null) createInterface(stream).on('line', onLine);
}

function controlsOf(child: ChildProcess, pid: number, exited: Promise<number | null>): Child {
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    pid,
    exited,
    get running() {
      return isRunning();
    },
    signal: (signal) => void child.kill(signal),
    async terminate(patienceMs) {
      // If it has ended, nothing more is sent.
      child.kill('SIGTERM');
      // A child that was paused with SIGSTOP would not see the SIGTERM.
      child.kill('SIGCONT');
      const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs);
      await exited;
      clearTimeout(timer);
    },
  };
}
