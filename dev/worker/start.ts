import { join } from 'node:path';
import { withDeadline } from '../../shared/deadline.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import { HostReady } from '../../shared/processes/host-ready.ts';
import { type Child, startChild } from '../machine/child.ts';
import { cacheDirectory, hostEnvironment } from '../machine/environment.ts';
import { CLI } from '../machine/programs.ts';

const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;
/** How the command line begins an error. */
const ERROR = 'error: ';
/** How many lines of the log an error shows. */
const SHOWN_LINES = 10;

/** How to start a worker. */
export interface WorkerProcessOptions {
  /** The settings of the worker. */
  readonly environment: Readonly<Record<string, string>>;
  readonly operationsFolder?: string | undefined;
  readonly debug?: boolean;
  /** Takes each line of the log, and each line on standard error. */
  readonly onLog: (line: string) => void;
}

/** A worker host in a process of its own. */
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
    output: { onLine: (line) => log.take(line), onMessage: (message) => log.hear(message) },
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
    throw new ThroughlineError('internal', `the worker ended before it was ready: ${log.reason()}`);
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

/** What a worker host says: its log, and that it is ready. */
class WorkerLog {
  readonly #onLog: (line: string) => void;
  readonly #healthPort = Promise.withResolvers<number>();
  readonly #lastLines: string[] = [];
  /** Why it does not start. */
  #error: string | undefined;

  constructor(onLog: (line: string) => void) {
    this.#onLog = onLog;
  }

  /** Resolves with the health port when the worker is ready. */
  get healthPort(): Promise<number> {
    return this.#healthPort.promise;
  }

  /** Passes a line on. Why the worker does not start is not passed on: the caller gets it as an error. */
  take(line: string): void {
    if (line.startsWith(ERROR)) {
      this.#error = line.slice(ERROR.length);
      return;
    }
    this.#lastLines.push(line);
    if (this.#lastLines.length > SHOWN_LINES) this.#lastLines.shift();
    this.#onLog(line);
  }

  hear(message: unknown): void {
    const ready = HostReady.safeParse(message);
    if (ready.success) this.#healthPort.resolve(ready.data.healthPort);
  }

  reason(): string {
    return this.#error ?? this.#lastLines.join(' | ');
  }
}
