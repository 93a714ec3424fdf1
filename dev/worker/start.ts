import { join } from 'node:path';
import { withDeadline } from '../../shared/deadline.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import { type Child, startChild } from '../machine/child.ts';
import { cacheDirectory, hostEnvironment } from '../machine/environment.ts';
import { CLI } from '../machine/programs.ts';

const READY_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 30_000;
const READY_MESSAGE = 'worker ready';
/** How many lines of the log an error shows. */
const SHOWN_LINES = 10;

export interface WorkerProcessOptions {
  /** The settings of the worker. */
  readonly environment: Readonly<Record<string, string>>;
  readonly operationsFolder?: string | undefined;
  readonly debug?: boolean;
  /** Takes each line of the log, and each line on standard error. */
  readonly onLog: (line: string) => void;
}

export interface WorkerProcess {
  readonly pid: number;
  readonly healthUrl: string;
  /** Resolves when the process ends: with the exit code, or with null when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Stops it gracefully (SIGTERM, SIGKILL after 30 s) and waits for the end. Safe to repeat. */
  readonly stop: () => Promise<void>;
  /** Sends a signal. After SIGKILL, waits for the end. */
  readonly kill: (signal: NodeJS.Signals) => Promise<void>;
}

/**
 * Starts a worker host in its own process and waits until it takes jobs.
 * @throws ThroughlineError `internal` with the last lines that the worker wrote
 */
export async function startWorkerProcess(options: WorkerProcessOptions): Promise<WorkerProcess> {
  const log = new WorkerLog(options.onLog);
  const child = await startChild({
    command: process.execPath,
    args: workerArguments(options),
    environment: workerEnvironment(options),
    output: { onLine: (line) => log.take(line) },
  });
  try {
    return controlsOf(child, await untilReady(child, log));
  } catch (thrown) {
    child.signal('SIGKILL');
    await child.exited;
    throw thrown;
  }
}

/** @returns the port of the worker's health server */
async function untilReady(child: Child, log: WorkerLog): Promise<number> {
  const ended = child.exited.then((): never => {
    throw new ThroughlineError('internal', `the worker ended before it was ready: ${log.lastLines()}`);
  });
  const late = () => new ThroughlineError('internal', 'the worker was not ready in time');
  return await withDeadline(Promise.race([log.healthPort, ended]), READY_TIMEOUT_MS, late);
}

function workerArguments({ debug, operationsFolder }: WorkerProcessOptions): string[] {
  const flags = debug ? ['--debug'] : [];
  return [CLI, 'worker', ...flags, ...(operationsFolder === undefined ? [] : [operationsFolder])];
}

/** The worker gets PATH and HOME from this process, and no other variable. */
function workerEnvironment({ environment }: WorkerProcessOptions): NodeJS.ProcessEnv {
  const host = hostEnvironment();
  return {
    PATH: host.PATH,
    HOME: host.HOME,
    // Node keeps the compiled code of all files. The command line asks for that too, but only after its first files.
    NODE_COMPILE_CACHE: join(cacheDirectory(host), 'compiled'),
    ...environment,
  };
}

function controlsOf(child: Child, healthPort: number): WorkerProcess {
  return {
    pid: child.pid,
    healthUrl: `http://127.0.0.1:${healthPort}`,
    exited: child.exited,
    stop: () => child.terminate(STOP_TIMEOUT_MS),
    kill: async (signal) => {
      if (child.running) child.signal(signal);
      if (signal === 'SIGKILL') await child.exited;
    },
  };
}

/** Passes on each line of a worker, and finds the one with the port of its health server. */
class WorkerLog {
  readonly #onLog: (line: string) => void;
  readonly #healthPort = Promise.withResolvers<number>();
  readonly #lastLines: string[] = [];

  constructor(onLog: (line: string) => void) {
    this.#onLog = onLog;
  }

  /** Resolves with the health port when the worker is ready. */
  get healthPort(): Promise<number> {
    return this.#healthPort.promise;
  }

  take(line: string): void {
    this.#lastLines.push(line);
    if (this.#lastLines.length > SHOWN_LINES) this.#lastLines.shift();
    const { msg, health_port } = parseLine(line);
    if (msg === READY_MESSAGE) this.#healthPort.resolve(Number(health_port));
    this.#onLog(line);
  }

  lastLines(): string {
    return this.#lastLines.join(' | ');
  }
}

function parseLine(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
