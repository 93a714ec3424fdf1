import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { hostEnvironment } from '../../dev/machine/environment.ts';
import { findFreePort } from '../../dev/machine/free-port.ts';
import type { Figures } from '../support/measure.ts';
import { type QueueRun, startQueueProgram } from './queue-run.ts';
import { type PeerServer, startServer } from './server.ts';

const PROGRAM = fileURLToPath(new URL('bullmq-program.ts', import.meta.url));

/** Where BullMQ and Redis are. They are no dependencies of this project. */
export interface BullMqPlace {
  /** A folder in which `npm install bullmq bullmq-otel ioredis` was run. */
  readonly folder: string;
  /** The program `redis-server`. */
  readonly redis: string;
}

/** Without another word: 64 jobs at once, which take no time. */
export interface BullMqRun extends Pick<QueueRun, 'jobs' | 'from' | 'to'> {
  readonly concurrency?: number;
  readonly napMs?: number;
  /** Where spans go; undefined: without telemetry. */
  readonly otlpUrl: string | undefined;
}

/** Why BullMQ is skipped; undefined if it is there. */
export function whySkipped({
  BULLMQ_FOLDER,
  REDIS_SERVER,
}: ReturnType<typeof hostEnvironment>): string | undefined {
  if (BULLMQ_FOLDER === undefined || !existsSync(path.join(BULLMQ_FOLDER, 'node_modules/bullmq')))
    return 'BULLMQ_FOLDER names no folder with bullmq, bullmq-otel and ioredis installed';
  return REDIS_SERVER === undefined ? 'REDIS_SERVER does not name the program redis-server' : undefined;
}

/**
 * Starts Redis with an append-only file, and fills a queue of BullMQ.
 * @returns does the jobs, measures, and stops everything
 * @throws Error with the last words of Redis, if it cannot start
 */
export async function fullBullMq(place: BullMqPlace, run: BullMqRun): Promise<() => Promise<Figures>> {
  const directory = await mkdtemp(path.join(tmpdir(), 'throughline-redis-'));
  const port = await findFreePort();
  const redis = await startRedis(place.redis, directory, port);
  const full = { concurrency: 64, napMs: 0, ...run };
  const queue = await startQueueProgram(PROGRAM, full, { folder: place.folder, port }).catch(
    async (thrown: unknown) => {
      await redis.stop('SIGKILL');
      throw thrown;
    },
  );
  return async () => {
    try {
      return await queue.measure(redis.pid);
    } finally {
      queue.kill();
      await redis.stop('SIGKILL');
    }
  };
}

function startRedis(program: string, directory: string, port: number): Promise<PeerServer> {
  return startServer({
    program,
    directory,
    args: [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', directory],
      ...['--appendonly', 'yes', '--save', ''],
    ],
    isReady: (lines) => lines.some((line) => line.includes('Ready to accept connections')),
  });
}
