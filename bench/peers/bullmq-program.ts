/**
 * The program of `bullmq.ts`: fills a queue of BullMQ with jobs that take no time, says so, and does them when it is told to. It tells
 * its parent when it has done a part of them.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

const CHUNK = 500;
const NAME = 'bench';

/** The parts of BullMQ that this uses. It is no dependency of this project. */
interface BullMq {
  readonly Queue: new (
    name: string,
    options: object,
  ) => {
    addBulk(jobs: readonly { readonly name: string; readonly data: unknown }[]): Promise<unknown>;
  };
  readonly Worker: new (name: string, work: () => Promise<number>, options: object) => unknown;
}

interface BullMqOtel {
  readonly BullMQOtel: new (name: string) => object;
}

const [folder = '', port = '', url = '', jobs = '', marks = ''] = process.argv.slice(2);
const require = createRequire(`${folder}/package.json`);
const load = async (name: string): Promise<unknown> =>
  await import(pathToFileURL(require.resolve(name)).href);

if (url !== '') await sendSpansTo(url);
const telemetry =
  url === '' ? {} : { telemetry: new ((await load('bullmq-otel')) as BullMqOtel).BullMQOtel(NAME) };
const { Queue, Worker } = (await load('bullmq')) as BullMq;
const options = { connection: { host: '127.0.0.1', port: Number(port) }, ...telemetry };

const queue = new Queue(NAME, options);
for (let added = 0; added < Number(jobs); added += CHUNK)
  await queue.addBulk(Array.from({ length: CHUNK }, () => ({ name: 'echo', data: 1 })));
process.send?.({ filled: true });
process.on('disconnect', () => process.exit(0));
process.once('message', work);

function work(): void {
  let done = 0;
  const left = marks.split(',').map(Number);
  const doOne = async (): Promise<number> => {
    done++;
    if (done === left[0]) process.send?.({ done: left.shift() });
    return 1;
  };
  new Worker(NAME, doOne, { ...options, concurrency: 64 });
}

/** Sends spans as our worker does: in batches of 512, as JSON. The copy of the API is BullMQ's own: it may be newer than ours. */
async function sendSpansTo(endpoint: string): Promise<void> {
  const api = (await load('@opentelemetry/api')) as {
    readonly context: typeof context;
    readonly trace: typeof trace;
  };
  const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces` });
  const processor = new BatchSpanProcessor(exporter, { maxQueueSize: 8_192, scheduledDelayMillis: 500 });
  api.trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [processor] }));
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
}
