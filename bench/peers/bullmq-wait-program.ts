/** The program of `bullmq-wait.ts`: an HTTP server that adds a job for each request and waits for its end, or the worker. */
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { pathToFileURL } from 'node:url';

const NAME = 'bench';
const CONCURRENCY = 64;

/** The parts of BullMQ that this uses. It is no dependency of this project. */
interface BullMq {
  readonly Queue: new (
    name: string,
    options: object,
  ) => { add(name: string, data: unknown): Promise<{ waitUntilFinished(events: object): Promise<unknown> }> };
  readonly QueueEvents: new (name: string, options: object) => { waitUntilReady(): Promise<unknown> };
  readonly Worker: new (
    name: string,
    work: (job: { readonly data: unknown }) => Promise<unknown>,
    options: object,
  ) => { waitUntilReady(): Promise<unknown> };
}

const [role, folder = '', port] = process.argv.slice(2);
const file = createRequire(`${folder}/package.json`).resolve('bullmq');
const { Queue, QueueEvents, Worker } = (await import(pathToFileURL(file).href)) as BullMq;
const options = { connection: { host: '127.0.0.1', port: Number(port) } };
process.on('disconnect', () => process.exit(0));
if (role === 'worker') {
  await new Worker(NAME, async ({ data }) => data, { ...options, concurrency: CONCURRENCY }).waitUntilReady();
  process.send?.('ready');
} else await serve();

async function serve(): Promise<void> {
  const [queue, events] = [new Queue(NAME, options), new QueueEvents(NAME, options)];
  await events.waitUntilReady();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { operation, input } = JSON.parse(String(Buffer.concat(chunks))) as {
      readonly operation: string;
      readonly input: unknown;
    };
    const job = await queue.add(operation, input);
    const result = await job.waitUntilFinished(events);
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ state: 'succeeded', result }));
  });
  server.listen(0, '127.0.0.1', () =>
    process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
  );
}
