import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { hostEnvironment } from '../../dev/machine/environment.ts';
import { findFreePort } from '../../dev/machine/free-port.ts';
import type { WorkerFigures } from '../support/measure.ts';
import type { OtlpSink } from '../support/otlp-sink.ts';
import { type QueueRun, startQueueProgram } from './queue-run.ts';
import { hasPackage, type PeerServer, startServer } from './server.ts';

const PROGRAM = fileURLToPath(new URL('bullmq-program.ts', import.meta.url));

/** Where BullMQ and Redis are. They are no dependencies of this project. */
export interface BullMqPlace {
  /** A folder in which `npm install bullmq bullmq-otel ioredis` was run. */
  readonly folder: string;
  /** The program `redis-server`. */
  readonly redis: string;
}

/** How BullMQ runs. */
export interface BullMqSetup {
  /** Where its spans go; undefined: without telemetry. */
  readonly sink?: OtlpSink;
  /** Whether Redis syncs its file at each write, and not once a second. */
  readonly syncs?: boolean;
}

type Environment = ReturnType<typeof hostEnvironment>;

/** Why the folder of BullMQ cannot be used; undefined if it can. */
export function whyBullMqFolderSkipped({ BULLMQ_FOLDER: folder }: Environment): string | undefined {
  return hasPackage(folder, 'bullmq')
    ? undefined
    : 'BULLMQ_FOLDER names no folder with bullmq, bullmq-otel and ioredis installed';
}

/** Why BullMQ is skipped; undefined if it is there. */
export function whyBullMqSkipped(environment: Environment): string | undefined {
  const noRedis = 'REDIS_SERVER does not name the program redis-server';
  return (
    whyBullMqFolderSkipped(environment) ?? (environment.REDIS_SERVER === undefined ? noRedis : undefined)
  );
}

/**
 * Starts Redis with an append-only file, fills a queue of BullMQ, does the jobs and measures.
 * @throws Error with the last words of Redis, if it cannot start
 */
export async function measureBullMq(
  { folder, redis: program }: BullMqPlace,
  run: QueueRun,
  { sink, syncs = false }: BullMqSetup,
): Promise<WorkerFigures> {
  const port = await findFreePort();
  const redis = await startRedis(program, port, syncs);
  try {
    const queue = await startQueueProgram(PROGRAM, run, { folder, port, otlpUrl: sink?.url });
    try {
      return await queue.measure(redis.pid, sink);
    } finally {
      queue.kill();
    }
  } finally {
    await redis.stop('SIGKILL');
  }
}

/** Starts Redis with an append-only file. @param syncs whether it syncs the file at each write */
export async function startRedis(program: string, port: number, syncs: boolean): Promise<PeerServer> {
  const directory = await mkdtemp(path.join(tmpdir(), 'throughline-redis-'));
  return await startServer({
    program,
    directory,
    args: [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', directory],
      ...['--appendonly', 'yes', '--appendfsync', syncs ? 'always' : 'everysec', '--save', ''],
    ],
    isReady: (lines) => lines.some((line) => line.includes('Ready to accept connections')),
  });
}
