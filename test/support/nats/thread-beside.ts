import { once } from 'node:events';
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { onTestFinished } from 'vitest';

/** What the work of a thread may use, and nothing else of the file in which it stands. */
interface Tools {
  readonly nats: NatsConnection;
  readonly jetstream: typeof jetstream;
  readonly jetstreamManager: typeof jetstreamManager;
}

type Answer<Result> = { readonly result: Result } | { readonly thrown: string };

const LIMIT_MS = 60_000;

const PROGRAM = `
const { workerData } = require('node:worker_threads');
const { modules, url, work, ended, port } = workerData;
void Promise.all(modules.map((name) => import(name))).then(async ([{ connect }, { jetstream, jetstreamManager }]) => {
  const tools = { nats: await connect({ servers: url }), jetstream, jetstreamManager };
  const run = (0, eval)('(' + work + ')');
  port.on('message', async (given) => {
    port.postMessage(await run(tools, given).then((result) => ({ result }), (thrown) => ({ thrown: String(thrown) })));
    Atomics.store(ended, 0, 1);
    Atomics.notify(ended, 0);
  });
  port.postMessage('ready');
});`;

/**
 * Starts a thread with a NATS connection of its own. It ends with the test.
 * @returns a function that does the work there. It returns with the result, and this thread stands still until then: it reads nothing, and
 *   no timer fires.
 */
export async function threadBeside<Given, Result>(
  url: string,
  work: (tools: Tools, given: Given) => Promise<Result>,
): Promise<(given: Given) => Result> {
  const { port1: port, port2 } = new MessageChannel();
  const modules = ['@nats-io/transport-node', '@nats-io/jetstream'].map((name) => import.meta.resolve(name));
  const ended = new Int32Array(new SharedArrayBuffer(4));
  const workerData = { modules, url, work: String(work), ended, port: port2 };
  const thread = new Worker(PROGRAM, { eval: true, workerData, transferList: [port2] });
  onTestFinished(async () => {
    port.close();
    await thread.terminate();
  });
  await once(port, 'message');
  return (given) => {
    Atomics.store(ended, 0, 0);
    port.postMessage(given);
    if (Atomics.wait(ended, 0, 0, LIMIT_MS) === 'timed-out')
      throw new Error('the other thread has not ended');
    const answer: Answer<Result> = receiveMessageOnPort(port)?.message;
    if ('thrown' in answer) throw new Error(`in the other thread: ${answer.thrown}`);
    return answer.result;
  };
}

/** Lets this thread do nothing for a while. */
export function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
