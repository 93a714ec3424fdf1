import type { ConnectionWatch } from './broker/checks/connection-watch.ts';
import type { ConsumerLags } from './broker/checks/consumer-lag.ts';
import type { StoreWatch } from './broker/checks/store-watch.ts';
import { type Broker, roundTripMs } from './broker/connect.ts';
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
export interface Gauged {
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
  showStreams(parts);
  showNats(parts);
}

function showHost({ metrics, limits, hosts, registry, loops, tracing }: Gauged): void {
  const countLost = lostCounter(metrics, tracing);
  metrics.observe(['slotsTaken', 'slotsMax', 'limitsParked'], () => {
    countLost();
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

/** Counts, at each reading, the spans that were lost since the last one. */
function lostCounter(metrics: WorkerMetrics, { losses }: Pick<Tracing, 'losses'>): () => void {
  const counted = new Map<string, number>();
  return () => {
    for (const signal of SIGNALS)
      for (const [reason, count] of Object.entries(losses[signal].counts)) {
        const key = `${signal} ${reason}`;
        metrics.lost(signal, reason, count - (counted.get(key) ?? 0));
        counted.set(key, count);
      }
  };
}
