import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { hostEnvironment } from '../../dev/machine/environment.ts';
import { findFreePort } from '../../dev/machine/free-port.ts';
import { guardProcess } from '../../dev/machine/guard.ts';
import { type Figures, processorMs } from '../support/measure.ts';

const PROGRAM = fileURLToPath(new URL('bullmq-program.ts', import.meta.url));

/** Where BullMQ and Redis are. They are no dependencies of this project. */
export interface BullMqPlace {
  /** A folder in which `npm install bullmq bullmq-otel ioredis` was run. */
  readonly folder: string;
  /** The program `redis-server`. */
  readonly redis: string;
}

/** Which jobs are done, and which of them are measured: from the first number to the second one. */
export interface BullMqRun {
  readonly jobs: number;
  readonly from: number;
  readonly to: number;
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
 */
export async function fullBullMq(
  place: BullMqPlace,
  { jobs, from, to, otlpUrl = '' }: BullMqRun,
): Promise<() => Promise<Figures>> {
  const directory = await mkdtemp(path.join(tmpdir(), 'throughline-redis-'));
  const port = String(await findFreePort());
  const redis = await startRedis(place.redis, directory, port);
  const marks = `${from},${to}`;
  const worker = fork(PROGRAM, [place.folder, port, otlpUrl, String(jobs), marks]);
  await nextMessage(worker);
  return async () => {
    try {
      return await measure(worker, redis, to - from);
    } finally {
      worker.kill('SIGKILL');
      redis.kill('SIGKILL');
      await once(redis, 'exit');
      await rm(directory, { recursive: true, force: true });
    }
  };
}

async function startRedis(program: string, directory: string, port: string): Promise<ChildProcess> {
  const settings = [
    '--port',
    port,
    '--bind',
    '127.0.0.1',
    '--dir',
    directory,
    '--appendonly',
    'yes',
    '--save',
    '',
  ];
  const redis = spawn(program, settings, { stdio: ['ignore', 'pipe', 'inherit'] });
  if (redis.pid !== undefined) {
    const guard = guardProcess(redis.pid, directory);
    redis.once('exit', () => guard.release());
  }
  for await (const text of redis.stdout ?? [])
    if (String(text).includes('Ready to accept connections')) break;
  return redis;
}

async function measure(worker: ChildProcess, redis: ChildProcess, jobs: number): Promise<Figures> {
  const used = (): number[] => [worker, redis].map(({ pid }) => processorMs(pid ?? 0));
  worker.send('work');
  await nextMessage(worker);
  const [began, before] = [performance.now(), used()];
  await nextMessage(worker);
  const seconds = (performance.now() - began) / 1_000;
  const [workerUs = 0, serverUs = 0] = used().map((ms, part) => ((ms - (before[part] ?? 0)) / jobs) * 1e3);
  return { perSecond: jobs / seconds, workerUs, serverUs };
}

/** Waits for the next word of a program. @throws Error if it ends instead */
async function nextMessage(program: ChildProcess): Promise<void> {
  const ended = once(program, 'exit').then(([code]) => {
    throw new Error(`BullMQ's program ended with ${String(code)}`);
  });
  await Promise.race([once(program, 'message'), ended]);
}
