import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { withDeadline } from '../../shared/deadline.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import { hostEnvironment } from '../host-environment.ts';
import { guardProcess } from '../process-guard.ts';

const CLI = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const READY_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 30_000;
const READY_MESSAGE = 'worker ready';

export interface WorkerProcessOptions {
  /** Settings, on top of what the process needs to run. */
  readonly environment: Readonly<Record<string, string>>;
  readonly operationsFolder?: string | undefined;
  readonly debug?: boolean;
  /** Takes each line of its log, and each line it writes on stderr. */
  readonly onLog: (line: string) => void;
}

export interface WorkerProcess {
  readonly pid: number;
  readonly healthUrl: string;
  /** Settles when it ends: with the exit code, or null when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Stops it gracefully (SIGTERM); resolves when it is gone. Safe to repeat. */
  readonly stop: () => Promise<void>;
  /** Sends a signal; for SIGKILL, waits for the end. */
  readonly kill: (signal: NodeJS.Signals) => Promise<void>;
}

/**
 * Starts a worker host as a process of its own, and waits until it takes jobs.
 * @throws ThroughlineError `internal` with the last lines that the worker wrote
 */
export async function startWorkerProcess(options: WorkerProcessOptions): Promise<WorkerProcess> {
  const folder = options.operationsFolder === undefined ? [] : [options.operationsFolder];
  const host = hostEnvironment();
  const flags = options.debug ? ['--debug'] : [];
  const child = spawn(process.execPath, [CLI, 'worker', ...flags, ...folder], {
    // Ctrl-C in the terminal is for the parent, which stops the parts in order.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    // PATH and HOME alone: no setting of this process leaks into the worker.
    env: { PATH: host.PATH, HOME: host.HOME, ...options.environment },
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const ready = followLog(child, options.onLog);
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  const guard = guardProcess(pid);
  void exited.then(() => guard.release());
  const worker = { pid, exited, ...controls(child, exited) };
  try {
    const healthPort = await withDeadline(
      Promise.race([ready.port, exited.then((): never => ready.fail())]),
      READY_TIMEOUT_MS,
      () => new ThroughlineError('internal', 'the worker was not ready in time'),
    );
    return { ...worker, healthUrl: `http://127.0.0.1:${healthPort}` };
  } catch (thrown) {
    await worker.kill('SIGKILL');
    throw thrown;
  }
}

function controls(child: ReturnType<typeof spawn>, exited: Promise<number | null>) {
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    if (signal === 'SIGKILL') await exited;
  };
  const stop = async (): Promise<void> => {
    await kill('SIGTERM');
    const late = (): Error => new ThroughlineError('internal', 'the worker did not stop in time');
    await withDeadline(exited, STOP_TIMEOUT_MS, late).catch(() => kill('SIGKILL'));
  };
  return { kill, stop };
}

/** Passes on every line, and finds the one that says that the worker is ready, and on which port. */
function followLog(child: ChildProcessByStdio<null, Readable, Readable>, onLog: (line: string) => void) {
  const last: string[] = [];
  let found: (port: number) => void = () => undefined;
  const port = new Promise<number>((resolve) => {
    found = resolve;
  });
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on('line', (line) => {
      last.push(line);
      if (last.length > 10) last.shift();
      const { msg, health_port } = parse(line);
      if (msg === READY_MESSAGE) found(Number(health_port));
      onLog(line);
    });
  }
  const fail = (): never => {
    throw new ThroughlineError('internal', `the worker ended before it was ready: ${last.join(' | ')}`);
  };
  return { port, fail };
}

function parse(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
