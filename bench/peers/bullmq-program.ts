/** The program of `bullmq.ts`: fills a queue of BullMQ, and does its jobs when it is told to. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { BasicTracerProvider, BatchSpanProcessor, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { readRun, serveQueue } from './queue-program.ts';
import { inputOf } from './queue-run.ts';

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

interface Place {
  readonly folder: string;
  readonly port: number;
  readonly otlpUrl?: string;
}

const run = readRun<Place>();
const require = createRequire(`${run.folder}/package.json`);
const load = async (name: string): Promise<unknown> =>
  await import(pathToFileURL(require.resolve(name)).href);

let spansEnded = 0;
const processor = run.otlpUrl === undefined ? undefined : await sendSpansTo(run.otlpUrl);
const telemetry =
  run.otlpUrl === undefined
    ? {}
    : { telemetry: new ((await load('bullmq-otel')) as BullMqOtel).BullMQOtel(NAME) };
const { Queue, Worker } = (await load('bullmq')) as BullMq;
const options = { connection: { host: '127.0.0.1', port: run.port }, ...telemetry };

await serveQueue(run, {
  fill,
  work: async (doOne) => {
    new Worker(NAME, doOne, { ...options, concurrency: run.concurrency });
  },
  spansEnded: () => spansEnded,
});

async function fill(): Promise<void> {
  const queue = new Queue(NAME, options);
  for (let added = 0; added < run.jobs; added += CHUNK) {
    const length = Math.min(CHUNK, run.jobs - added);
    await queue.addBulk(Array.from({ length }, () => ({ name: 'echo', data: inputOf(run) })));
  }
  // Only the spans of the work count.
  await processor?.forceFlush();
  spansEnded = 0;
}

/**
 * Sends spans as JSON with the SDK's own processor, in its batches of 512. Ours has a writer of its own, and batches of up to 2,048. The
 * copy of the API is BullMQ's own: it may be newer than ours.
 */
async function sendSpansTo(endpoint: string): Promise<SpanProcessor> {
  const api = (await load('@opentelemetry/api')) as {
    readonly context: typeof context;
    readonly trace: typeof trace;
  };
  const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces` });
  const batches = new BatchSpanProcessor(exporter, { maxQueueSize: 8_192, scheduledDelayMillis: 500 });
  const counting: SpanProcessor = {
    onStart: (span, parent) => batches.onStart(span, parent),
    onEnd: (span) => {
      spansEnded++;
      batches.onEnd(span);
    },
    forceFlush: () => batches.forceFlush(),
    shutdown: () => batches.shutdown(),
  };
  api.trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [counting] }));
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  return counting;
}
