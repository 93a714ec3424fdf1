import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { inject } from 'vitest';
import { type Collector, startCollector } from '../../../dev/collector/start.ts';
import type { EdgeBundle } from '../../../dev/edge/bundle.ts';
import { findFreePort } from '../../../dev/machine/free-port.ts';
import { type NatsServer, startNatsServer } from '../../../dev/nats-server/start.ts';
import type { WorkerProcess } from '../../../dev/worker/start.ts';
import { createApiKey, hashApiKey } from '../../../shared/api/access.ts';
import { EVENTS_STREAM, JOBS_STREAM } from '../../../shared/nats/streams.ts';
import { bridgesOf } from '../../support/http/answers.ts';
import { testNatsBinary } from '../../support/nats/nats.ts';
import { until } from '../../support/poll.ts';
import { EventCollector } from '../ledger/event-collector.ts';
import type { FaultEntry, Ledger } from '../ledger/ledger.ts';
import { EdgeProcess } from './edge-process.ts';
import { TcpProxy } from './tcp-proxy.ts';
import { WorkerPool } from './worker-pool.ts';

const OPERATIONS = 'test/chaos/operations';
const READY_MS = 60_000;
const READYZ_MS = 10_000;
const TRACES_KEPT = 100_000;
export const TENANT = 'chaos';

export interface SystemOptions {
  readonly directory: string;
  readonly ledger: Ledger;
  readonly workers: number;
  readonly worker?: Readonly<Record<string, string>>;
  readonly edge?: Readonly<Record<string, string>>;
  /** More lines for the server's `jetstream` block, and for its top level. */
  readonly jetStreamConfig?: string;
  readonly natsConfig?: string;
  /** A server that runs already, for example of a cluster; its starter stops it. */
  readonly nats?: NatsServer;
  /** The addresses of all servers of the cluster, for the collector. */
  readonly natsUrls?: readonly string[];
  /** The user as which the collector connects. */
  readonly natsUser?: { readonly user: string; readonly pass: string };
  readonly storeDir?: string;
  readonly edgeStorageDir?: string;
  /** Whether spans are collected. */
  readonly tracing: boolean;
  readonly random: () => number;
}

/** The whole path, each part a process that can be killed, with a proxy between the edge and NATS. */
export interface System {
  readonly directory: string;
  readonly apiKey: string;
  readonly url: string;
  readonly nats: NatsServer;
  readonly proxy: TcpProxy;
  readonly edge: EdgeProcess;
  readonly pool: WorkerPool;
  readonly traces: Collector | undefined;
  readonly events: EventCollector;
  /** Every log line of edge and workers. */
  readonly lines: readonly string[];
  /** Does a fault to the system, and records what, to which part and for how long. */
  readonly fault: (
    name: string,
    target: FaultEntry['target'],
    act: () => Promise<unknown> | unknown,
    worker?: WorkerProcess,
  ) => Promise<void>;
  readonly manager: () => Promise<JetStreamManager>;
  /** How many jobs are in the outboxes, as `/readyz` says. */
  readonly outbox: () => Promise<number>;
  /** Ends everything, the callers' side first. */
  readonly stop: () => Promise<void>;
}

/** Starts the whole path, and waits until it accepts jobs. */
export async function startSystem(options: SystemOptions): Promise<System> {
  const undo: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step().catch(() => undefined);
  };
  try {
    return await start(options, undo, stop);
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

async function start(
  options: SystemOptions,
  undo: (() => Promise<unknown>)[],
  stop: () => Promise<void>,
): Promise<System> {
  const { directory, ledger } = options;
  const lines: string[] = [];
  const onLog = (line: string): void => void lines.push(line);

  const nats = options.nats ?? (await startNats(options));
  if (options.nats === undefined) undo.push(() => nats.stop());
  const proxy = await TcpProxy.start({
    targetPort: Number(new URL(nats.webSocketUrl).port),
    random: options.random,
  });
  undo.push(() => proxy.stop());
  const traces = options.tracing ? await startCollector({ maxTraces: TRACES_KEPT }) : undefined;
  if (traces !== undefined) undo.push(() => traces.close());
  const tracing: Record<string, string> =
    traces === undefined
      ? {}
      : { OTEL_EXPORTER_OTLP_ENDPOINT: traces.otlpUrl, OTEL_BSP_SCHEDULE_DELAY: '200' };

  const environment = {
    NATS_URL: nats.url,
    HEALTH_PORT: '0',
    WORKER_ACK_WAIT_MS: '3000',
    CHAOS_EFFECTS: ledger.effectsFile,
    ...tracing,
    ...options.worker,
  };
  const noted: Promise<void>[] = [];
  const pool = new WorkerPool({ environment, operationsFolder: OPERATIONS, onLog }, ({ pid, code }) => {
    const name = `worker ended (${code ?? 'by a signal'})`;
    noted.push(ledger.load.append({ type: 'fault', name, target: 'worker', pid, at: Date.now() }));
  });
  undo.push(async () => {
    await pool.stop();
    await Promise.all(noted);
  });
  await pool.start(options.workers);
  const events = await EventCollector.start(
    { servers: [...(options.natsUrls ?? [nats.url])], ...options.natsUser },
    ledger.collected,
  );
  undo.push(() => events.stop());

  const apiKey = createApiKey('chaos');
  const edge = new EdgeProcess({
    bundle: edgeBundle(),
    port: await findFreePort(),
    storageDir: options.edgeStorageDir ?? (await folder(path.join(directory, 'edge'))),
    bindings: {
      NATS_URL: `ws://127.0.0.1:${proxy.port}`,
      API_KEYS: JSON.stringify([{ id: 'chaos', tenant: TENANT, hash: await hashApiKey(apiKey) }]),
      LOG_LEVEL: 'warn',
      STATUS_ACCESS: 'public',
      ...tracing,
      ...options.edge,
    },
    onLog,
  });
  undo.push(() => edge.stop());
  await edge.start();

  const ready = async (): Promise<boolean> => (await fetch(`${edge.url}/readyz`)).ok;
  await until('the edge to be ready', ready, READY_MS);
  return {
    directory,
    apiKey,
    get url() {
      return edge.url;
    },
    nats,
    proxy,
    edge,
    pool,
    traces,
    events,
    lines,
    fault: async (name, target, act, worker) => {
      const at = Date.now();
      const pid = worker === undefined ? {} : { pid: worker.pid };
      if (worker !== undefined) pool.expect(worker);
      await act();
      await ledger.load.append({ type: 'fault', name, target, at, until: Date.now(), ...pid });
    },
    manager: () => jetstreamManager(events.connection, { timeout: 5_000, checkAPI: false }),
    outbox: async () => {
      const bridges = await bridgesOf(edge, { signal: AbortSignal.timeout(READYZ_MS) });
      return bridges.reduce(
        (sum, { outbox }) => sum + outbox.pending + outbox.rejected + outbox.published,
        0,
      );
    },
    stop,
  };
}

async function startNats({ storeDir, jetStreamConfig, natsConfig }: SystemOptions): Promise<NatsServer> {
  return await startNatsServer({
    binary: testNatsBinary().path,
    ...(storeDir === undefined ? {} : { storeDir }),
    ...(jetStreamConfig === undefined ? {} : { jetStreamConfig }),
    ...(natsConfig === undefined ? {} : { extraConfig: natsConfig }),
  });
}

/** The number of jobs in `JOBS`, then the last sequence of `EVENTS`. */
export async function queueState(system: System): Promise<{ queued: number; eventsSequence: number }> {
  const manager = await system.manager();
  const jobs = await manager.streams.info(JOBS_STREAM);
  const events = await manager.streams.info(EVENTS_STREAM);
  return { queued: jobs.state.messages, eventsSequence: events.state.last_seq };
}

/** How many jobs are not delivered, or not settled. */
export async function owedJobs(system: System): Promise<number> {
  const manager = await system.manager();
  let owed = 0;
  for await (const { num_pending, num_ack_pending } of manager.consumers.list(JOBS_STREAM))
    owed += num_pending + num_ack_pending;
  return owed;
}

function edgeBundle(): EdgeBundle {
  const edge = inject('edge');
  if ('problem' in edge) throw new Error(edge.problem);
  return edge;
}

async function folder(name: string): Promise<string> {
  await mkdir(name, { recursive: true });
  return name;
}
