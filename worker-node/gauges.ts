import type { ConsumerLags } from './broker/checks/consumer-lag.ts';
import type { StoreWatch } from './broker/checks/store-watch.ts';
import type { Broker } from './broker/connection/broker.ts';
import type { ConnectionWatch } from './broker/connection/connection-watch.ts';
import { roundTripMs } from './broker/connection/server.ts';
import type { ConsumeLoop } from './broker/consume/consume-loop.ts';
import type { HostWatch } from './broker/host-watch.ts';
import type { WorkerConfig } from './config.ts';
import type { OperationRegistry } from './operations/operation-registry.ts';
import { SIGNALS } from './telemetry/export/losses.ts';
import { WorkerMetrics } from './telemetry/metrics.ts';
import type { Tracing } from './telemetry/tracing.ts';

/** Makes the metrics of a worker. */
export async function createMetrics({
  config,
  registry,
  tracing,
}: {
  readonly config: WorkerConfig;
  readonly registry: OperationRegistry;
  readonly tracing: Pick<Tracing, 'resource' | 'metricReaders'>;
}): Promise<WorkerMetrics> {
  return new WorkerMetrics({
    operations: registry.keys(),
    group: config.WORKER_GROUP,
    tenants: config.METRICS_TENANTS,
    resource: tracing.resource,
    readers: await tracing.metricReaders(),
  });
}

/** The parts of a worker whose state the gauges show. */
interface Gauged {
  readonly metrics: WorkerMetrics;
  readonly broker: Broker;
  readonly store: StoreWatch;
  readonly lags: ConsumerLags;
  readonly hosts: HostWatch;
  readonly connection: ConnectionWatch;
  readonly limits: { readonly parked: number };
  readonly tracing: Pick<Tracing, 'losses'>;
  readonly registry: OperationRegistry;
  readonly loops: readonly Pick<ConsumeLoop, 'what' | 'running' | 'concurrency'>[];
}

/** Lets the metrics show the state of a worker, of the streams, and of the connection. */
export function showGauges(parts: Gauged): void {
  showHost(parts);
  showExports(parts);
  showStreams(parts);
  showNats(parts);
}

function showHost({ metrics, limits, hosts, registry, loops, tracing }: Gauged): void {
  const countExports = exportCounter(metrics, tracing);
  metrics.observe(['slotsTaken', 'slotsMax', 'limitsParked'], () => {
    countExports();
    return {
      slotsTaken: loops.map(({ what, running }) => [running, { loop: what }]),
      slotsMax: loops.map(({ what, concurrency }) => [concurrency, { loop: what }]),
      limitsParked: [[limits.parked]],
    };
  });
  metrics.observe(['hosts', 'operationHosts'], () => ({
    hosts: [[hosts.alive]],
    operationHosts: [...registry.keys()].map((operation) => [hosts.serving(operation), { operation }]),
  }));
}

/** What waits for its export, and what is being sent. */
function showExports({ metrics, tracing: { losses } }: Gauged): void {
  metrics.observe(
    [
      'spansQueue',
      'spansCapacity',
      'spansInFlight',
      'logsQueue',
      'logsCapacity',
      'logsInFlight',
      'metricsInFlight',
    ],
    () => ({
      spansQueue: known(losses.spans.exports.waiting),
      spansCapacity: known(losses.spans.exports.capacity),
      spansInFlight: [[losses.spans.exports.inFlight]],
      logsQueue: known(losses.logs.exports.waiting),
      logsCapacity: known(losses.logs.exports.capacity),
      logsInFlight: [[losses.logs.exports.inFlight]],
      metricsInFlight: [[losses.metrics.exports.inFlight]],
    }),
  );
}

function showStreams({ metrics, store, lags }: Gauged): void {
  metrics.observe(['streamBytes', 'streamMaxBytes', 'streamMessages', 'streamOldest'], () => {
    const streams = [...store.streams];
    const now = Date.now();
    return {
      streamBytes: streams.map(([stream, { bytes }]) => [bytes, { stream }]),
      streamMaxBytes: streams.flatMap(([stream, { maxBytes }]) => known(maxBytes, { stream })),
      streamMessages: streams.map(([stream, { messages }]) => [messages, { stream }]),
      // The clock of NATS may be ahead.
      streamOldest: streams.map(([stream, { oldestAt = now }]) => [
        Math.max(0, now - oldestAt) / 1_000,
        { stream },
      ]),
    };
  });
  metrics.observe(['consumerWaiting', 'consumerUnacked', 'consumerRedelivered'], async () => {
    const found = await lags.read();
    return {
      consumerWaiting: found.map(({ consumer, waiting }) => [waiting, { consumer }]),
      consumerUnacked: found.map(({ consumer, unacked }) => [unacked, { consumer }]),
      consumerRedelivered: found.map(({ consumer, redelivered }) => [redelivered, { consumer }]),
    };
  });
}

function showNats({ metrics, broker, connection }: Gauged): void {
  metrics.observe(['natsConnected', 'natsRoundTrip'], async () => {
    const ms = connection.connected ? await roundTripMs(broker) : undefined;
    return {
      natsConnected: [[Number(connection.connected)]],
      natsRoundTrip: known(ms === undefined ? undefined : ms / 1_000),
    };
  });
}

function known(
  value: number | undefined,
  attributes: Record<string, string> = {},
): [number, Record<string, string>][] {
  return value === undefined ? [] : [[value, attributes]];
}

/** Counts, at each reading, what was sent and what was lost since the last one. */
function exportCounter(metrics: WorkerMetrics, { losses }: Pick<Tracing, 'losses'>): () => void {
  const counted = new Map<string, number>();
  const newSince = (key: string, count: number): number => {
    const before = counted.get(key) ?? 0;
    counted.set(key, count);
    return count - before;
  };
  return () => {
    for (const signal of SIGNALS) {
      const { counts, exports } = losses[signal];
      for (const [reason, count] of Object.entries(counts))
        metrics.lost(signal, reason, newSince(`${signal} lost ${reason}`, count));
      metrics.exported(signal, newSince(`${signal} taken`, exports.taken));
      metrics.exported(signal, newSince(`${signal} failed`, counts.exportFailed), 'export_failed');
      metrics.exported(signal, newSince(`${signal} rejected`, counts.rejected), 'rejected');
    }
  };
}
