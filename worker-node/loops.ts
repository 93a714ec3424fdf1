import { CallbackSecrets } from '../shared/callback-secrets.ts';
import { CALLBACKS_STREAM, callbackConsumerDefinition, JOBS_STREAM } from '../shared/nats/streams.ts';
import { isBulkLane } from '../shared/wire/lanes.ts';
import { BrokerRetry } from './broker/broker-retry.ts';
import { CallbackPublisher } from './broker/callbacks/callback-publisher.ts';
import { CallbackRecords } from './broker/callbacks/callback-record.ts';
import type { ClockCheck } from './broker/checks/clock-check.ts';
import type { Broker } from './broker/connection/broker.ts';
import { maxPayloadOf } from './broker/connection/max-payload.ts';
import { answers } from './broker/connection/server.ts';
import { ConsumeLoop } from './broker/consume/consume-loop.ts';
import { DurableConsumer } from './broker/consume/durable-consumer.ts';
import { EventPublisher } from './broker/event-publisher.ts';
import { jobConsumers } from './broker/groups/group.ts';
import type { HostWatch } from './broker/host-watch.ts';
import { JobRecords } from './broker/job-record.ts';
import { LimitStore } from './broker/limits/limit-store.ts';
import { measuredPublishing } from './broker/measured-publisher.ts';
import type { PauseWatch } from './broker/pause-watch.ts';
import type { PermissionWatch } from './broker/permissions/permission-watch.ts';
import { PublishRequests } from './broker/publish/publish-requests.ts';
import { StoredPublisher } from './broker/stored-publisher.ts';
import { CallbackDeliverer } from './callbacks/callback-deliverer.ts';
import { CallbackSlots } from './callbacks/callback-slots.ts';
import type { TargetGuard } from './callbacks/target-guard.ts';
import type { WorkerConfig } from './config.ts';
import { CancelMemory } from './jobs/cancel-memory.ts';
import { Limits } from './jobs/limits/limits.ts';
import { MissingPauses } from './jobs/missing-pauses.ts';
import { Pauses } from './jobs/pauses.ts';
import { JobPipeline } from './jobs/pipeline.ts';
import type { WorkerLogger } from './log.ts';
import type { OperationRegistry } from './operations/operation-registry.ts';
import type { LineOutput } from './output/line-output.ts';
import type { WorkerMetrics } from './telemetry/metrics.ts';
import type { Tracing } from './telemetry/tracing.ts';

/**
 * How many callback tasks a host pulls for each slot. Those of a tenant that has its share of the slots are handed back, so
 * the tasks of other tenants behind them are seen.
 */
const MESSAGES_PER_CALLBACK_SLOT = 3;
/** How many jobs may wait on a host, without a slot, for a limit of their operation. */
const PARKED_PER_SLOT = 2;
const LEAST_PARKED = 32;

/** What a worker is made of. */
export interface WorkerParts {
  readonly config: WorkerConfig;
  readonly registry: OperationRegistry;
  readonly log: WorkerLogger;
  readonly output: LineOutput;
  readonly tracing: Pick<Tracing, 'on' | 'losses' | 'resource' | 'metricReaders' | 'shutdown'>;
  /** Which targets callbacks may have. */
  readonly guard: TargetGuard;
}

/** The parts that watch a worker from its first moment on. */
export interface WatchedParts extends WorkerParts {
  readonly metrics: WorkerMetrics;
  readonly permissions: PermissionWatch;
}

/** What the loops of jobs and of callbacks share. */
export interface LoopParts extends WatchedParts {
  readonly broker: Broker;
  /** Aborts when the worker, which is stopping, may not wait for the broker any longer. */
  readonly patience: AbortController;
  readonly retry: BrokerRetry;
  readonly publisher: StoredPublisher;
  readonly callbacks: CallbackPublisher;
  readonly cancels: CancelMemory;
  readonly hosts: HostWatch;
  readonly pauseWatch: PauseWatch;
  readonly clock: ClockCheck;
}

/** Makes what the loops share. */
export function createLoopParts(
  parts: WatchedParts,
  watched: Pick<LoopParts, 'broker' | 'hosts' | 'pauseWatch' | 'clock'>,
): LoopParts {
  const { broker } = watched;
  const patience = new AbortController();
  const retry = new BrokerRetry({
    log: parts.log,
    patience: patience.signal,
    answers: () => answers(broker),
  });
  const publisher = new StoredPublisher(
    measuredPublishing(new PublishRequests(broker.connection), parts.metrics),
    retry,
    parts.config.WORKER_NAME,
    () => maxPayloadOf(broker),
    () => `nats://${broker.connection.getServer()}`,
  );
  const callbacks = new CallbackPublisher(publisher);
  const cancels = new CancelMemory();
  return { ...parts, ...watched, patience, retry, publisher, callbacks, cancels };
}

/** The lanes that the hosts of this worker group take jobs from. */
function jobLanes(broker: Broker, config: WorkerConfig, log: WorkerLogger) {
  return jobConsumers(config).map(({ route, definition }) => ({
    consumer: new DurableConsumer(broker, JOBS_STREAM, definition, log),
    priority: route.priority,
    isBulk: isBulkLane(route.lane),
  }));
}

/** The limits by key, which all hosts keep together. */
export function createLimits({ config, broker, publisher, retry, log, metrics }: LoopParts): Limits {
  return new Limits({
    store: new LimitStore({ ...broker, publisher, retry }),
    leaseMs: config.WORKER_ACK_WAIT_MS,
    parked: Math.max(LEAST_PARKED, config.WORKER_CONCURRENCY * PARKED_PER_SLOT),
    random: Math.random,
    log,
    metrics,
  });
}

/** The loop that runs jobs. @param isReplaced whether another host has announced another version of an operation since */
export function createJobLoop(
  parts: LoopParts,
  limits: Limits,
  isReplaced: (operation: string) => Promise<boolean>,
): ConsumeLoop {
  const { config, broker, retry, publisher, log, metrics } = parts;
  const pipeline = new JobPipeline({
    ...parts,
    tracing: parts.tracing.on,
    limits,
    isReplaced,
    pauses: new Pauses({ watch: parts.pauseWatch, random: Math.random }),
    missing: new MissingPauses({ hosts: parts.hosts, random: Math.random, now: Date.now }),
    events: new EventPublisher(publisher),
    records: new JobRecords(broker.manager, retry),
    worker: config.WORKER_NAME,
    group: config.WORKER_GROUP,
    ackWaitMs: config.WORKER_ACK_WAIT_MS,
    random: Math.random,
  });
  const lanes = jobLanes(broker, config, log);
  const concurrency = config.WORKER_CONCURRENCY;
  return new ConsumeLoop({ lanes, handler: pipeline, concurrency, log, what: 'jobs', metrics });
}

/** The loop that delivers callbacks; none if the settings turn callbacks off on this host. */
export function createCallbackLoops(parts: LoopParts): ConsumeLoop[] {
  const { config, broker, retry, log, metrics } = parts;
  const concurrency = config.CALLBACK_CONCURRENCY;
  if (concurrency === 0) return [];
  const deliverer = new CallbackDeliverer({
    ...parts,
    tracing: parts.tracing.on,
    secrets: new CallbackSecrets(config),
    schedule: {
      maxAttempts: config.CALLBACK_MAX_ATTEMPTS,
      firstMs: config.CALLBACK_RETRY_MIN_MS,
      maxMs: config.CALLBACK_RETRY_MAX_MS,
    },
    slots: new CallbackSlots({
      slots: concurrency,
      perTenant: Math.min(config.CALLBACK_TENANT_CONCURRENCY ?? Math.ceil(concurrency / 2), concurrency),
      random: Math.random,
    }),
    callbackRecords: new CallbackRecords(broker.manager, retry),
    timeoutMs: config.CALLBACK_TIMEOUT_MS,
    ackWaitMs: config.WORKER_ACK_WAIT_MS,
    worker: config.WORKER_NAME,
    random: Math.random,
  });
  const definition = callbackConsumerDefinition(config.WORKER_ACK_WAIT_MS);
  const consumer = new DurableConsumer(broker, CALLBACKS_STREAM, definition, log);
  const lanes = [{ consumer, priority: 'normal', isBulk: false } as const];
  const messages = concurrency * MESSAGES_PER_CALLBACK_SLOT;
  const shared = { concurrency: messages, log, metrics };
  return [new ConsumeLoop({ lanes, handler: deliverer, what: 'callbacks', ...shared })];
}
