import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { type NatsServer, startNatsServer } from '../../dev/nats-server/start.ts';
import type { WorkerProcess, WorkerProcessOptions } from '../../dev/worker/start.ts';
import type { JobAddress } from '../../shared/job/job-address.ts';
import type { Route } from '../../shared/wire/lanes.ts';
import type { QueueRun } from '../peers/queue-run.ts';
import { type Figures, processorMs } from './measure.ts';

const OPERATIONS = fileURLToPath(new URL('../operations', import.meta.url));
const TENANTS = 40;
const PARALLEL = 256;
const POLL_MS = 10;

/** `bench.noop` stores one event for a job, the others two. */
type Operation = 'echo' | 'bench.noop' | 'bench.nap';

/** The parts of a checkout that this needs. */
interface Checkout {
  readonly startWorkerProcess: (options: WorkerProcessOptions) => Promise<WorkerProcess>;
  readonly subjectOf: (address: JobAddress) => string;
}

/** A worker host of a checkout of this project, with a nats-server of its own, which stays from round to round. */
export class OwnWorker {
  readonly #checkout: Checkout;
  readonly #server: NatsServer;
  readonly #connection: NatsConnection;
  readonly #environment: Readonly<Record<string, string>>;
  #published = 0;

  private constructor(
    checkout: Checkout,
    server: NatsServer,
    connection: NatsConnection,
    environment: Readonly<Record<string, string>>,
  ) {
    this.#checkout = checkout;
    this.#server = server;
    this.#connection = connection;
    this.#environment = environment;
  }

  /**
   * @param folder the checkout
   * @param binary the nats-server program
   * @param settings the settings of the worker beside those of its server
   */
  static async start(
    folder: string,
    binary: string,
    settings: Readonly<Record<string, string>>,
  ): Promise<OwnWorker> {
    const server = await startNatsServer({ binary });
    const connection = await connect({ servers: server.url });
    const environment = { NATS_URL: server.url, HEALTH_PORT: '0', ...settings };
    const own = new OwnWorker(await load(folder), server, connection, environment);
    // The first worker makes the streams.
    await (await own.#startWorker(1)).stop();
    return own;
  }

  /** Fills the queue, starts a worker, and measures it until all jobs that count are done. */
  async measure(
    run: QueueRun,
    operation: Operation = run.napMs === 0 ? 'echo' : 'bench.nap',
  ): Promise<Figures> {
    const manager = await jetstreamManager(this.#connection);
    await manager.streams.purge('JOBS');
    await this.#fill(run, operation);
    const worker = await this.#startWorker(run.concurrency);
    const until = async (done: number): Promise<number> => {
      for (;;) {
        const left = (await manager.streams.info('JOBS')).state.messages;
        if (left <= run.jobs - done) return left;
        await delay(POLL_MS);
      }
    };
    const used = (): number[] => [worker.pid, this.#server.pid].map(processorMs);
    try {
      const first = await until(run.from);
      const [began, before] = [performance.now(), used()];
      const jobs = first - (await until(run.to));
      const seconds = (performance.now() - began) / 1_000;
      const [workerUs = 0, serverUs = 0] = used().map((ms, n) => ((ms - (before[n] ?? 0)) / jobs) * 1e3);
      return { perSecond: jobs / seconds, workerUs, serverUs };
    } finally {
      await worker.kill('SIGKILL');
    }
  }

  async stop(): Promise<void> {
    await this.#connection.close();
    await this.#server.stop();
  }

  #startWorker(concurrency: number): Promise<WorkerProcess> {
    return this.#checkout.startWorkerProcess({
      environment: { ...this.#environment, WORKER_CONCURRENCY: String(concurrency) },
      operationsFolder: OPERATIONS,
      onLog: () => undefined,
    });
  }

  async #fill({ jobs, napMs }: QueueRun, operation: Operation): Promise<void> {
    const stream = jetstream(this.#connection);
    const body = napMs === 0 ? '1' : JSON.stringify({ ms: napMs });
    let left = jobs;
    const publishNext = async (): Promise<void> => {
      while (left-- > 0) {
        const n = ++this.#published;
        const address = { tenant: `tenant-${n % TENANTS}`, jobId: `job-${n}`, operation };
        const options = { msgID: address.jobId, headers: carrier(n) };
        await stream.publish(this.#checkout.subjectOf(address), body, options);
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, publishNext));
  }
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

/** Headers with a sampled trace of its own for each job. */
function carrier(n: number): MsgHdrs {
  const message = headers();
  const id = (digits: number): string => n.toString(16).padStart(digits, '0');
  message.set('traceparent', `00-${id(32)}-${id(16)}-01`);
  return message;
}
