import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEdge } from '../../dev/edge/start.ts';
import { hostEnvironment } from '../../dev/machine/environment.ts';
import { findFreePort } from '../../dev/machine/free-port.ts';
import { locateNatsServer } from '../../dev/nats-binary/locate.ts';
import { startNatsServer } from '../../dev/nats-server/start.ts';
import { type BullMqPlace, startRedis } from '../peers/bullmq.ts';
import { edgeBundle } from './bundle.ts';

const LIMIT = 'bench/limits/minimal-wait.ts';

/** Something that takes `POST` with a job, and answers at its end. */
export interface WaitingPath {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** Starts the least that our design allows: a Worker with one object, nats-server, and a worker with plain nats.js. */
export async function startMinimalWait(): Promise<WaitingPath> {
  const { path: binary } = await locateNatsServer({ environment: hostEnvironment() });
  const server = await startNatsServer({ binary });
  const [worker] = await startProgram('plain-wait-program.ts', [server.url]);
  const edge = await startEdge({
    bundle: await edgeBundle(LIMIT),
    port: 0,
    onLog: () => undefined,
    bindings: { NATS_URL: server.webSocketUrl },
  });
  const stop = async (): Promise<void> => {
    await edge.stop();
    worker.kill('SIGKILL');
    await server.stop();
  };
  return { url: edge.url, stop };
}

/** Starts an HTTP server that adds a job of BullMQ and waits for its end, and a worker, in processes of their own. */
export async function startBullMqWait({ folder, redis: program }: BullMqPlace): Promise<WaitingPath> {
  const port = await findFreePort();
  const redis = await startRedis(program, port, false);
  const place = [resolve(folder), String(port)];
  const [worker] = await startProgram('bullmq-wait-program.ts', ['worker', ...place]);
  const [server, url] = await startProgram('bullmq-wait-program.ts', ['server', ...place]);
  const stop = async (): Promise<void> => {
    for (const program of [server, worker]) program.kill('SIGKILL');
    await redis.stop('SIGKILL');
  };
  return { url, stop };
}

/** @returns the program, and what it says when it is ready */
async function startProgram(name: string, words: readonly string[]): Promise<[ChildProcess, string]> {
  const program = fork(fileURLToPath(new URL(`../peers/${name}`, import.meta.url)), words);
  const ended = once(program, 'exit').then(([code]): never => {
    throw new Error(`${name} ended with ${String(code)}`);
  });
  ended.catch(() => undefined);
  const [said] = (await Promise.race([once(program, 'message'), ended])) as [string];
  return [program, said];
}
