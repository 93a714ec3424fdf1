import { spawnSync } from 'node:child_process';
import { chownSync, existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { hostEnvironment } from '../../dev/machine/environment.ts';
import { findFreePort } from '../../dev/machine/free-port.ts';
import type { WorkerFigures } from '../support/measure.ts';
import { type QueueRun, startQueueProgram } from './queue-run.ts';
import { hasPackage, startServer } from './server.ts';

const PROGRAM = fileURLToPath(new URL('graphile-program.ts', import.meta.url));
/** PostgreSQL refuses to run as root. This is the user `nobody` on Linux. */
const NOBODY = 65_534;
const USER = 'bench';

/** A PostgreSQL with default settings, which has the queue. */
interface Postgres {
  readonly pid: number;
  readonly connectionString: string;
  readonly stop: () => Promise<void>;
}

type Environment = ReturnType<typeof hostEnvironment>;

/** Why the folder of Graphile Worker cannot be used; undefined if it can. */
export function whyGraphileFolderSkipped({ GRAPHILE_FOLDER: folder }: Environment): string | undefined {
  return hasPackage(folder, 'graphile-worker')
    ? undefined
    : 'GRAPHILE_FOLDER names no folder with graphile-worker installed';
}

/** Why Graphile Worker is skipped; undefined if it is there. */
export function whyGraphileSkipped(environment: Environment): string | undefined {
  const { POSTGRES_BIN: bin } = environment;
  const found = bin !== undefined && existsSync(path.join(bin, 'postgres'));
  const noPostgres = 'POSTGRES_BIN does not name the folder with the programs initdb and postgres';
  return whyGraphileFolderSkipped(environment) ?? (found ? undefined : noPostgres);
}

/**
 * @param bin the folder with the programs `initdb` and `postgres`
 * @throws Error with the program and its own last words, if one of them cannot start
 */
export async function startPostgres(bin: string): Promise<Postgres> {
  const directory = await mkdtemp(path.join(tmpdir(), 'throughline-postgres-'));
  const isRoot = process.getuid?.() === 0;
  const user = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
  if (isRoot) chownSync(directory, NOBODY, NOBODY);
  const data = path.join(directory, 'data');
  const initdb = path.join(bin, 'initdb');
  const made = spawnSync(initdb, ['-D', data, '-U', USER, '-A', 'trust'], { ...user, encoding: 'utf8' });
  if (made.status !== 0) {
    await rm(directory, { recursive: true, force: true });
    throw new Error(`${initdb} failed: ${made.error?.message ?? made.stderr.trim()}`);
  }
  const port = String(await findFreePort());
  const server = await startServer({
    program: path.join(bin, 'postgres'),
    directory,
    user,
    args: ['-D', data, '-p', port, '-h', '127.0.0.1', '-k', directory],
    isReady: () => isReady(path.join(data, 'postmaster.pid')),
  });
  return {
    pid: server.pid,
    connectionString: `postgres://${USER}@127.0.0.1:${port}/postgres`,
    stop: () => server.stop('SIGINT'),
  };
}

/** PostgreSQL writes its state into the last line of this file. */
async function isReady(file: string): Promise<boolean> {
  return /^ready\s*$/m.test(await readFile(file, 'utf8').catch(() => ''));
}

/**
 * Starts PostgreSQL, fills a queue, does the jobs and measures. PostgreSQL has many processes: their processor time is not measured.
 * @param bin as for {@link startPostgres}
 */
export async function measureGraphile(folder: string, bin: string, run: QueueRun): Promise<WorkerFigures> {
  const { pid, connectionString, stop } = await startPostgres(bin);
  try {
    const queue = await startQueueProgram(PROGRAM, run, { folder, connectionString });
    try {
      return { ...(await queue.measure(pid)), serverUs: Number.NaN };
    } finally {
      queue.kill();
    }
  } finally {
    await stop();
  }
}
