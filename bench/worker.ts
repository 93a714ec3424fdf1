/**
 * `node bench/worker.ts [jobs] [rounds] [folders of other checkouts…]`: one worker host with jobs that take no time, from a full queue:
 * jobs per second, and the processor time of the host and of nats-server for one job, untraced and traced, and of a worker without any
 * code that makes spans (`support/without-spans.ts`). All variants work at the
 * same time, each with a nats-server of its own, so that a slow moment of the machine affects them alike: their processor times can be
 * compared, and their jobs per second share one machine. With other checkouts, their workers are variants too, and so is BullMQ if
 * `BULLMQ_FOLDER` (where `npm install bullmq bullmq-otel ioredis` was run) and `REDIS_SERVER` (the program) say where it is. Medians of the rounds.
 */
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { hostEnvironment } from '../dev/machine/environment.ts';
import { locateNatsServer } from '../dev/nats-binary/locate.ts';
import { type NatsServer, startNatsServer } from '../dev/nats-server/start.ts';
import type { WorkerProcess, WorkerProcessOptions } from '../dev/worker/start.ts';
import type { JobAddress } from '../shared/job/job-address.ts';
import type { Route } from '../shared/wire/lanes.ts';
import { fullBullMq, whySkipped } from './peers/bullmq.ts';
import { type Figures, median, printRow, processorMs } from './support/measure.ts';
import { startOtlpSink } from './support/otlp-sink.ts';

const JOBS = Number(process.argv[2] ?? 20_000);
const ROUNDS = Number(process.argv[3] ?? 3);
const HERE = resolve(import.meta.dirname, '..');
const CHECKOUTS = [HERE, ...process.argv.slice(4).map((folder) => resolve(folder))];
const TENANTS = 40;
const PARALLEL = 256;
const POLL_MS = 20;
/** The first part of the jobs does not count: the code is not compiled yet. */
const WARM_UP = 0.4;
/** Nor does the last part: other variants may be through. */
const END = 0.95;

/** The parts of a checkout that this needs. A checkout without lanes has no `pooledRoute`. */
interface Checkout {
  readonly startWorkerProcess: (options: WorkerProcessOptions) => Promise<WorkerProcess>;
  readonly subjectOf: (address: JobAddress) => string;
}

/** A worker that is measured. */
interface Variant {
  readonly name: string;
  /** Fills a queue. The function that it gives empties the queue, measures, and stops everything. */
  readonly prepare: () => Promise<() => Promise<Figures>>;
  readonly figures: Figures[];
}

/** A nats-server with a full queue. */
interface Queue {
  readonly server: NatsServer;
  readonly connection: NatsConnection;
  readonly start: () => Promise<WorkerProcess>;
}

const { path: binary } = await locateNatsServer({ environment: hostEnvironment() });
const sink = await startOtlpSink();
/** The settings of each variant of a checkout. */
const TRACINGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'without spans': { NODE_OPTIONS: `--import=${resolve(import.meta.dirname, 'support/without-spans.ts')}` },
  untraced: {},
  traced: { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url },
};
const variants = [...CHECKOUTS.flatMap(workersOf), ...peers()];
for (let round = 0; round < ROUNDS; round++) {
  const ready = await Promise.all(variants.map(({ prepare }) => prepare()));
  const figures = await Promise.all(ready.map((run) => run()));
  for (const [n, variant] of variants.entries()) variant.figures.push(...figures.slice(n, n + 1));
}
for (const variant of variants) print(variant);
const { spans, requests } = await sink.figures();
process.stdout.write(`the collector got ${spans} spans in ${requests} requests\n`);
sink.stop();

function workersOf(folder: string): Variant[] {
  const name = folder === HERE ? 'this checkout' : folder;
  return Object.entries(TRACINGS).map(([tracing, settings]) => ({
    name: `${tracing}, ${name}`,
    prepare: async () => {
      const queue = await fullQueue(folder, settings);
      return () => untilEmpty(queue);
    },
    figures: [],
  }));
}

/** BullMQ, if it is on this machine. */
function peers(): Variant[] {
  const env = hostEnvironment();
  const skipped = whySkipped(env);
  if (skipped !== undefined) {
    process.stdout.write(`BullMQ is skipped: ${skipped}\n`);
    return [];
  }
  const place = { folder: resolve(env.BULLMQ_FOLDER ?? ''), redis: env.REDIS_SERVER ?? '' };
  const [from, to] = [Math.round(JOBS * WARM_UP), Math.round(JOBS * END)];
  return [undefined, sink.url].map((otlpUrl) => ({
    name: `BullMQ, ${otlpUrl === undefined ? 'plain' : 'with bullmq-otel'}`,
    prepare: () => fullBullMq(place, { jobs: JOBS, from, to, otlpUrl }),
    figures: [],
  }));
}

async function load(folder: string): Promise<Checkout> {
  const part = (file: string) => import(pathToFileURL(resolve(folder, file)).href);
  const { startWorkerProcess } = await part('dev/worker/start.ts');
  const { jobSubject } = await part('shared/wire/subjects.ts');
  const { pooledRoute } = (await part('shared/wire/lanes.ts').catch(() => ({}))) as {
    pooledRoute?: (address: JobAddress) => Route;
  };
  return { startWorkerProcess, subjectOf: (address) => jobSubject(address, pooledRoute?.(address)) };
}

/** Starts a nats-server and fills its queue. */
async function fullQueue(folder: string, settings: Readonly<Record<string, string>>): Promise<Queue> {
  const { startWorkerProcess, subjectOf } = await load(folder);
  const server = await startNatsServer({ binary });
  const connection = await connect({ servers: server.url });
  const start = () =>
    startWorkerProcess({
      environment: { NATS_URL: server.url, HEALTH_PORT: '0', WORKER_CONCURRENCY: '64', ...settings },
      onLog: () => undefined,
    });
  // The first worker makes the streams.
  await (await start()).stop();
  await fill(connection, subjectOf);
  return { server, connection, start };
}

async function fill(connection: NatsConnection, subjectOf: Checkout['subjectOf']): Promise<void> {
  const stream = jetstream(connection);
  let next = 0;
  const publishNext = async (): Promise<void> => {
    while (next < JOBS) {
      const n = next++;
      const address = { tenant: `tenant-${n % TENANTS}`, jobId: `job-${n}`, operation: 'echo' };
      await stream.publish(subjectOf(address), '1', { msgID: address.jobId, headers: carrier(n + 1) });
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, publishNext));
}

/** Headers with a sampled trace of its own for each job. */
function carrier(n: number): MsgHdrs {
  const message = headers();
  const id = (digits: number): string => n.toString(16).padStart(digits, '0');
  message.set('traceparent', `00-${id(32)}-${id(16)}-01`);
  return message;
}

/** Measures a worker while it empties the queue, and then stops everything. */
async function untilEmpty({ server, connection, start }: Queue): Promise<Figures> {
  const manager = await jetstreamManager(connection);
  const queued = async (): Promise<number> => (await manager.streams.info('JOBS')).state.messages;
  const until = async (done: number): Promise<number> => {
    for (;;) {
      const left = await queued();
      if (left <= JOBS * (1 - done)) return left;
      await delay(POLL_MS);
    }
  };
  const worker = await start();
  try {
    const first = await until(WARM_UP);
    const began = performance.now();
    const before = [processorMs(worker.pid), processorMs(server.pid)];
    const jobs = first - (await until(END));
    const seconds = (performance.now() - began) / 1_000;
    const after = [processorMs(worker.pid), processorMs(server.pid)];
    const [workerUs = 0, serverUs = 0] = after.map((ms, part) => ((ms - (before[part] ?? 0)) / jobs) * 1e3);
    return { perSecond: jobs / seconds, workerUs, serverUs };
  } finally {
    await worker.kill('SIGKILL');
    await connection.close();
    await server.stop();
  }
}

function print({ name, figures }: Variant): void {
  const of = (pick: (one: Figures) => number): string => median(figures.map(pick)).toFixed(0);
  printRow(
    ...[`${of((one) => one.perSecond)}/s`, `worker ${of((one) => one.workerUs)} µs`],
    ...[`server ${of((one) => one.serverUs)} µs`, ` ${name}`],
    `(worker in each round: ${figures.map(({ workerUs }) => workerUs.toFixed(0)).join(', ')})`,
  );
}
