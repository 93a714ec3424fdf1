import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { hostEnvironment } from '../../dev/machine/environment.ts';
import { findFreePort } from '../../dev/machine/free-port.ts';
import { guardProcess } from '../../dev/machine/guard.ts';
import type { Figures } from '../support/measure.ts';
import { type QueueRun, startQueueProgram } from './queue-run.ts';

const PROGRAM = fileURLToPath(new URL('graphile-program.ts', import.meta.url));
const POLL_MS = 50;
/** PostgreSQL refuses to run as root. This is the user `nobody` on Linux. */
const NOBODY = 65_534;
const USER = 'bench';

/** A PostgreSQL with default settings, which has the queue. */
export interface Postgres {
  readonly pid: number;
  readonly connectionString: string;
  readonly stop: () => Promise<void>;
}

/** Why Graphile Worker is skipped; undefined if it is there. */
export function whyGraphileSkipped({
  GRAPHILE_FOLDER,
  POSTGRES_BIN,
}: ReturnType<typeof hostEnvironment>): string | undefined {
  if (
    GRAPHILE_FOLDER === undefined ||
    !existsSync(path.join(GRAPHILE_FOLDER, 'node_modules/graphile-worker'))
  )
    return 'GRAPHILE_FOLDER names no folder with graphile-worker installed';
  const found = POSTGRES_BIN !== undefined && existsSync(path.join(POSTGRES_BIN, 'postgres'));
  return found ? undefined : 'POSTGRES_BIN does not name the folder with the programs initdb and postgres';
}

/** @param bin the folder with the programs `initdb` and `postgres` */
export async function startPostgres(bin: string): Promise<Postgres> {
  const directory = await mkdtemp(path.join(tmpdir(), 'throughline-postgres-'));
  const isRoot = process.getuid?.() === 0;
  const user = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
  if (isRoot) chownSync(directory, NOBODY, NOBODY);
  const data = path.join(directory, 'data');
  const made = spawnSync(path.join(bin, 'initdb'), ['-D', data, '-U', USER, '-A', 'trust'], {
    ...user,
    encoding: 'utf8',
  });
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
  const port = String(await findFreePort());
  const settings = ['-D', data, '-p', port, '-h', '127.0.0.1', '-k', directory];
  const server = spawn(path.join(bin, 'postgres'), settings, { ...user, stdio: 'ignore' });
  const pid = server.pid ?? 0;
  const guard = guardProcess(pid, directory);
  await untilReady(path.join(data, 'postmaster.pid'));
  return {
    pid,
    connectionString: `postgres://${USER}@127.0.0.1:${port}/postgres`,
    stop: async () => {
      guard.release();
      server.kill('SIGINT');
      await once(server, 'exit');
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** PostgreSQL writes its state into the last line of this file. */
async function untilReady(file: string): Promise<void> {
  for (;;) {
    const text = await readFile(file, 'utf8').catch(() => '');
    if (/^ready\s*$/m.test(text)) return;
    await delay(POLL_MS);
  }
}

/** Fills a queue, does the jobs and measures. PostgreSQL has many processes: their processor time is not measured. */
export async function measureGraphile(folder: string, postgres: Postgres, run: QueueRun): Promise<Figures> {
  const { pid, connectionString } = postgres;
  const queue = await startQueueProgram(PROGRAM, run, { folder, connectionString });
  try {
    return { ...(await queue.measure(pid)), serverUs: Number.NaN };
  } finally {
    queue.kill();
  }
}
