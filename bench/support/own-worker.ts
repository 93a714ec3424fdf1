import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { jetstream } from '@nats-io/jetstream';
import { connect, headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { type NatsServer, startNatsServer } from '../../dev/nats-server/start.ts';
import type { WorkerProcess, WorkerProcessOptions } from '../../dev/worker/start.ts';
import type { JobAddress } from '../../shared/job/job-address.ts';
import { writeJobHeaders } from '../../shared/wire/job-message.ts';
import type { Route } from '../../shared/wire/lanes.ts';
import { inputOf, measureFromHere, type QueueRun } from '../peers/queue-run.ts';
import { RUNS } from './counted-run.ts';
import type { WorkerFigures } from './measure.ts';
import type { OtlpSink } from './otlp-sink.ts';
import { countSpans } from './span-count.ts';

const OPERATIONS = fileURLToPath(new URL('../operations', import.meta.url));
const TENANTS = 40;
const PARALLEL = 256;
const ACCEPTED_AT = '2026-01-01T00:00:00.000Z';

/** A worker of ours. */
export interface OwnWorker {
  /** The checkout of this project. */
  readonly folder: string;
  readonly operation: 'bench.one-event' | 'bench.two-events';
  /** Settings beside those of its server. */
  readonly settings?: Readonly<Record<string, string>>;
  /** More lines of the server's configuration of JetStream. */
  readonly jetStreamConfig?: string;
  /** Where its spans go; undefined: it makes none. */
  readonly sink?: OtlpSink;
}

/** The parts of a checkout that this needs. */
interface Checkout {
  readonly startWorkerProcess: (options: WorkerProcessOptions) => Promise<WorkerProcess>;
  readonly subjectOf: (address: JobAddress) => string;
}

/**
 * Starts a nats-server, fills the queue, starts a worker, and measures it.
 * @param binary the nats-server program
 */
export async function measureOwnWorker(
  binary: string,
  own: OwnWorker,
  run: QueueRun,
): Promise<WorkerFigures> {
  const checkout = await load(own.folder);
  const { jetStreamConfig = '' } = own;
  const server = await startNatsServer({ binary, jetStreamConfig });
  try {
    // The first worker makes the streams.
    await (await startWorker(checkout, server, {})).stop();
    const connection = await connect({ servers: server.url });
    await fill(connection, checkout, own.operation, run);
    await connection.close();
    return await measure(checkout, server, own, run);
  } finally {
    await server.stop();
  }
}

async function measure(
  checkout: Checkout,
  server: NatsServer,
  { sink, settings }: OwnWorker,
  run: QueueRun,
): Promise<WorkerFigures> {
  const marks = new Map([run.from, run.to].map((count) => [count, Promise.withResolvers<void>()]));
  const onLog = (line: string): void => {
    if (line.startsWith(RUNS)) marks.get(Number(line.slice(RUNS.length)))?.resolve();
  };
  const tracing = sink === undefined ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url };
  const environment = { WORKER_CONCURRENCY: String(run.concurrency), ...tracing, ...settings };
  let worker: WorkerProcess | undefined;
  const doAll = async (): Promise<WorkerFigures> => {
    worker = await startWorker(checkout, server, environment, onLog);
    const ended = worker.exited.then((): never => {
      throw new Error('the worker ended before its jobs did');
    });
    ended.catch(() => undefined);
    const reach = (count: number) => Promise.race([marks.get(count)?.promise, ended]);
    await reach(run.from);
    return await measureFromHere([worker.pid, server.pid], run, reach(run.to));
  };
  try {
    if (sink === undefined) return await doAll();
    return await countSpans(sink, run.jobs, doAll, () => spansLost(worker?.healthUrl ?? ''));
  } finally {
    await worker?.kill('SIGKILL');
  }
}

function startWorker(
  { startWorkerProcess }: Checkout,
  { url }: NatsServer,
  environment: Readonly<Record<string, string>>,
  onLog: (line: string) => void = () => undefined,
): Promise<WorkerProcess> {
  return startWorkerProcess({
    environment: { NATS_URL: url, HEALTH_PORT: '0', ...environment },
    operationsFolder: OPERATIONS,
    onLog,
  });
}

/** How many spans a worker has lost, by its metrics. */
async function spansLost(healthUrl: string): Promise<number> {
  const text = await (await fetch(`${healthUrl}/metrics`)).text();
  const counts = text.matchAll(/^throughline_spans_lost_total\S* (\d+)/gm);
  return Array.from(counts, ([, count]) => Number(count)).reduce((sum, count) => sum + count, 0);
}

async function fill(
  connection: NatsConnection,
  { subjectOf }: Checkout,
  operation: string,
  run: QueueRun,
): Promise<void> {
  const stream = jetstream(connection);
  const body = JSON.stringify(inputOf(run));
  let next = 0;
  const publishNext = async (): Promise<void> => {
    while (next < run.jobs) {
      const n = ++next;
      const address = { tenant: `tenant-${n % TENANTS}`, jobId: `job-${n}`, operation };
      await stream.publish(subjectOf(address), body, { headers: headersOf(address, n) });
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, publishNext));
}

async function load(folder: string): Promise<Checkout> {
  const part = (file: string) => import(pathToFileURL(resolve(folder, file)).href);
  const { startWorkerProcess } = await part('dev/worker/start.ts');
  const { jobSubject } = await part('shared/wire/subjects.ts');
  const { pooledRoute } = (await part('shared/wire/lanes.ts')) as {
    pooledRoute: (address: JobAddress) => Route;
  };
  return { startWorkerProcess, subjectOf: (address) => jobSubject(address, pooledRoute(address)) };
}

/** The headers that a bridge writes, with a sampled trace of its own for each job. */
function headersOf(address: JobAddress, n: number): MsgHdrs {
  const message = headers();
  const id = (digits: number): string => n.toString(16).padStart(digits, '0');
  const carrier = { traceparent: `00-${id(32)}-${id(16)}-01` };
  const job = { address, acceptedAt: ACCEPTED_AT, spec: { maxAttempts: 5 }, source: '/throughline/bench' };
  writeJobHeaders(job, carrier, (name, value) => message.set(name, value));
  return message;
}
