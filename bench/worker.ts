/**
 * `node bench/worker.ts [jobs] [rounds] [folders of other checkouts…]`: jobs per second of one worker host with jobs that take no
 * time, from a full queue, and the processor time of the host and of nats-server for 1,000 jobs. With other checkouts, their workers
 * are measured in turns with this one, so that a slow moment of the machine affects both. The medians are compared.
 */
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { hostEnvironment } from '../dev/machine/environment.ts';
import { locateNatsServer } from '../dev/nats-binary/locate.ts';
import { type NatsServer, startNatsServer } from '../dev/nats-server/start.ts';
import type { WorkerProcess, WorkerProcessOptions } from '../dev/worker/start.ts';
import type { JobAddress } from '../shared/job/job-address.ts';
import type { Route } from '../shared/wire/lanes.ts';
import { median, printRow, processorMs } from './support/measure.ts';

const JOBS = Number(process.argv[2] ?? 20_000);
const ROUNDS = Number(process.argv[3] ?? 3);
const HERE = resolve(import.meta.dirname, '..');
const CHECKOUTS = [HERE, ...process.argv.slice(4).map((folder) => resolve(folder))];
const TENANTS = [1, 40];
const PARALLEL = 256;
const POLL_MS = 10;

/** The parts of a checkout that this needs. A checkout without lanes has no `pooledRoute`. */
interface Checkout {
  readonly startWorkerProcess: (options: WorkerProcessOptions) => Promise<WorkerProcess>;
  readonly subjectOf: (address: JobAddress) => string;
}

interface Figures {
  readonly perSecond: number;
  /** Milliseconds of processor time for 1,000 jobs. */
  readonly workerMs: number;
  readonly serverMs: number;
}

const { path: binary } = await locateNatsServer({ environment: hostEnvironment() });
const results = new Map<string, Figures[]>();
for (let round = 0; round < ROUNDS; round++) {
  for (const tenants of TENANTS) {
    for (const folder of CHECKOUTS) {
      const name = `${tenants} tenants, ${folder === HERE ? 'this checkout' : folder}`;
      const figures = await measure(await load(folder), tenants);
      results.set(name, [...(results.get(name) ?? []), figures]);
      print(name, [figures]);
    }
  }
}
process.stdout.write('medians\n');
for (const [name, figures] of results) print(name, figures);

async function load(folder: string): Promise<Checkout> {
  const part = (file: string) => import(pathToFileURL(resolve(folder, file)).href);
  const { startWorkerProcess } = await part('dev/worker/start.ts');
  const { jobSubject } = await part('shared/wire/subjects.ts');
  const { pooledRoute } = (await part('shared/wire/lanes.ts').catch(() => ({}))) as {
    pooledRoute?: (address: JobAddress) => Route;
  };
  return { startWorkerProcess, subjectOf: (address) => jobSubject(address, pooledRoute?.(address)) };
}

async function measure({ startWorkerProcess, subjectOf }: Checkout, tenants: number): Promise<Figures> {
  const server = await startNatsServer({ binary });
  const connection = await connect({ servers: server.url });
  const start = () =>
    startWorkerProcess({
      environment: { NATS_URL: server.url, HEALTH_PORT: '0', WORKER_CONCURRENCY: '50' },
      onLog: () => undefined,
    });
  try {
    // The first worker makes the streams.
    await (await start()).stop();
    await fill(connection, tenants, subjectOf);
    return await untilEmpty(server, connection, start());
  } finally {
    await connection.close();
    await server.stop();
  }
}

async function fill(
  connection: NatsConnection,
  tenants: number,
  subjectOf: Checkout['subjectOf'],
): Promise<void> {
  const stream = jetstream(connection);
  let next = 0;
  const publishNext = async (): Promise<void> => {
    while (next < JOBS) {
      const n = next++;
      const address = { tenant: `tenant-${n % tenants}`, jobId: `job-${n}`, operation: 'echo' };
      await stream.publish(subjectOf(address), '1', { msgID: address.jobId });
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, publishNext));
}

/** Measures from the first jobs that have ended until the queue is empty. */
async function untilEmpty(
  server: NatsServer,
  connection: NatsConnection,
  starting: Promise<WorkerProcess>,
): Promise<Figures> {
  const manager = await jetstreamManager(connection);
  const queued = async (): Promise<number> => (await manager.streams.info('JOBS')).state.messages;
  const worker = await starting;
  try {
    while ((await queued()) > JOBS * 0.95) await delay(POLL_MS);
    const [first, began] = [await queued(), performance.now()];
    const before = [processorMs(worker.pid), processorMs(server.pid)];
    while ((await queued()) > 0) await delay(POLL_MS);
    const seconds = (performance.now() - began) / 1_000;
    const after = [processorMs(worker.pid), processorMs(server.pid)];
    const [workerMs = 0, serverMs = 0] = after.map(
      (ms, part) => ((ms - (before[part] ?? 0)) / first) * 1_000,
    );
    return { perSecond: first / seconds, workerMs, serverMs };
  } finally {
    await worker.kill('SIGKILL');
  }
}

function print(name: string, figures: readonly Figures[]): void {
  const of = (pick: (one: Figures) => number): string => median(figures.map(pick)).toFixed(0);
  printRow(
    ...[`${of((one) => one.perSecond)}/s`, `worker ${of((one) => one.workerMs)} ms`],
    ...[`server ${of((one) => one.serverMs)} ms`, ` ${name}`],
  );
}
