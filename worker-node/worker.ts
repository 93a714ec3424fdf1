import { type HostAnnouncement, leaseOf } from '../shared/api/host-announcement.ts';
import { CallbackSecrets } from '../shared/callback-secrets.ts';
import { describeThrown } from '../shared/errors.ts';
import { takesOperation } from '../shared/nats/consumers/operation-filters.ts';
import { groupInbox } from '../shared/nats/permissions/group.ts';
import { neededByWorker } from '../shared/nats/permissions/worker.ts';
import { DELAY_SINCE, isAtLeastVersion } from '../shared/nats/server-version.ts';
import { storeCaps } from '../shared/nats/store-caps.ts';
import {
  CALLBACKS_STREAM,
  callbackConsumerDefinition,
  groupConsumers,
  JOBS_STREAM,
  type RouteConsumer,
  type StreamDefinition,
  streamDefinitions,
} from '../shared/nats/streams.ts';
import { startTimer } from '../shared/timers.ts';
import { isBulkLane } from '../shared/wire/lanes.ts';
import { BrokerRetry } from './broker/broker-retry.ts';
import { CallbackPublisher } from './broker/callbacks/callback-publisher.ts';
import { CallbackRecords } from './broker/callbacks/callback-record.ts';
import { ClockCheck } from './broker/checks/clock-check.ts';
import { ConnectionWatch } from './broker/checks/connection-watch.ts';
import { ConsumerLags } from './broker/checks/consumer-lag.ts';
import { StoreWatch } from './broker/checks/store-watch.ts';
import {
  answers,
  type Broker,
  checkMaxPayload,
  connectBroker,
  maxPayloadOf,
  replicasOf,
  serverVersion,
} from './broker/connect.ts';
import { ConsumeLoop } from './broker/consume/consume-loop.ts';
import { DurableConsumer } from './broker/consume/durable-consumer.ts';
import type { LaneSource } from './broker/consume/lane.ts';
import { EventPublisher } from './broker/event-publisher.ts';
import { HostAnnouncer } from './broker/host-announcer.ts';
import { HostWatch } from './broker/host-watch.ts';
import { JobRecords } from './broker/job-record.ts';
import { LimitStore } from './broker/limits/limit-store.ts';
import { measuredPublishing } from './broker/measured-publisher.ts';
import { PauseWatch } from './broker/pause-watch.ts';
import { PermissionWatch } from './broker/permissions/permission-watch.ts';
import { ensureConsumer, ensureGroup, ensureStreams } from './broker/provision.ts';
import { PublishRequests } from './broker/publish/publish-requests.ts';
import { RecordWatch } from './broker/record-watch.ts';
import { StoredPublisher } from './broker/stored-publisher.ts';
import { CallbackDeliverer } from './callbacks/callback-deliverer.ts';
import { CallbackSlots } from './callbacks/callback-slots.ts';
import type { TargetGuard } from './callbacks/target-guard.ts';
import type { WorkerConfig } from './config.ts';
import { createMetrics, showGauges } from './gauges.ts';
import { HealthServer } from './health-server.ts';
import { CancelMemory } from './jobs/cancel-memory.ts';
import { Limits } from './jobs/limits/limits.ts';
import { MissingPauses } from './jobs/missing-pauses.ts';
import { Pauses } from './jobs/pauses.ts';
import { JobPipeline } from './jobs/pipeline.ts';
import type { LineOutput } from './line-output.ts';
import type { WorkerLogger } from './log.ts';
import { checkHostSize } from './operations/host-size.ts';
import type { Operation } from './operations/operation.ts';
import type { OperationRegistry } from './operations/operation-registry.ts';
import { announcementOf } from './operations/operation-schema.ts';
import { SIGNALS } from './telemetry/export/losses.ts';
import type { WorkerMetrics } from './telemetry/metrics.ts';
import type { Tracing } from './telemetry/tracing.ts';

/** A worker that runs. */
export interface Worker {
  readonly healthPort: number;
  /** Stops pulling, lets jobs end, hands back the rest, closes everything. Safe to call twice. */
  readonly stop: () => Promise<void>;
  /** Rejects with the reason when the worker cannot go on. Never resolves. */
  readonly failed: Promise<never>;
}

/**
 * How many callback tasks a host pulls for each slot. Those of a tenant that has its share of the slots are handed back, so
 * the tasks of other tenants behind them are seen.
 */
const MESSAGES_PER_CALLBACK_SLOT = 3;
/** How many jobs may wait on a host, without a slot, for a limit of their operation. */
const PARKED_PER_SLOT = 2;
const LEAST_PARKED = 32;
/** The headers and the host's name in an announcement. */
const HEADER_BYTES = 1_024;

interface WorkerParts {
  readonly config: WorkerConfig;
  readonly registry: OperationRegistry;
  readonly log: WorkerLogger;
  readonly output: LineOutput;
  readonly tracing: Pick<Tracing, 'on' | 'losses' | 'resource' | 'metricReaders' | 'shutdown'>;
  /** Which targets callbacks may have. */
  readonly guard: TargetGuard;
}

/** The parts that watch a worker from its first moment on. */
interface WatchedParts extends WorkerParts {
  readonly metrics: WorkerMetrics;
  readonly permissions: PermissionWatch;
}

/** What the loops of jobs and of callbacks share. */
interface LoopParts extends WatchedParts {
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

/** What a running worker has to stop. */
interface RunningParts extends LoopParts {
  readonly recordWatch: RecordWatch;
  readonly store: StoreWatch;
  readonly connection: ConnectionWatch;
  readonly limits: Limits;
  readonly jobs: ConsumeLoop;
  readonly loops: readonly ConsumeLoop[];
  readonly health: HealthServer;
  readonly announcer: HostAnnouncer;
}

/**
 * Starts a worker: connects, creates or checks the streams, announces its operations, and takes jobs.
 * @throws ThroughlineError `broker-unavailable`, or `config-invalid` naming the setting
 */
export async function startWorker(parts: WorkerParts): Promise<Worker> {
  const broker = await connectBroker(parts.config, groupInbox(parts.config.WORKER_GROUP));
  const metrics = await createMetrics(parts);
  const permissions = await PermissionWatch.start({
    connection: broker.connection,
    everyMs: parts.config.WORKER_ANNOUNCE_MS,
    needed: neededByWorker(parts.config.WORKER_OPERATIONS),
    log: parts.log,
    count: (action, subject) => metrics.permissionMissing(action, subject),
  });
  try {
    return await start({ ...parts, metrics, permissions }, broker);
  } catch (thrown) {
    permissions.stop();
    await broker.connection
      .close()
      .catch((reason: unknown) =>
        parts.log.warn({ reason: describeThrown(reason) }, 'NATS connection not closed'),
      );
    throw permissions.explain(thrown);
  }
}

async function start(workerParts: WatchedParts, broker: Broker): Promise<Worker> {
  const { config, log } = workerParts;
  const warning = checkMaxPayload(maxPayloadOf(broker));
  if (warning !== undefined) log.warn(warning);
  const definitions = await prepareStreams(broker, config, log);
  const clock = await ClockCheck.start(broker, log);
  const store = await StoreWatch.start(broker, definitions, log);
  const hosts = await HostWatch.start(broker, config.WORKER_GROUP, log);
  const pauseWatch = await PauseWatch.start({ broker, rereadMs: config.WORKER_ANNOUNCE_MS, log });
  const parts = createLoopParts(workerParts, { broker, hosts, pauseWatch, clock });
  const recheckMs = config.WORKER_ACK_WAIT_MS / 3;
  const recordWatch = await RecordWatch.start({ broker, listener: parts.cancels, log, recheckMs });
  const lanes = jobLanes(broker, config, log);
  const limits = createLimits(parts);
  const jobs = createJobLoop(parts, lanes, limits);
  const loops = [jobs, ...createCallbackLoops(parts)];
  const connection = new ConnectionWatch(broker, log, () => {
    parts.metrics.reconnected();
    for (const loop of loops) loop.reconnected();
  });
  void connection.follow();
  const health = new HealthServer({
    notReady: () => notReady(connection, jobs, parts),
    warnings: () => [
      ...(clock.warning === undefined ? [] : [clock.warning]),
      ...parts.permissions.warnings,
      ...store.warnings,
      ...SIGNALS.flatMap((signal) => parts.tracing.losses[signal].warnings),
      ...parts.output.warnings,
    ],
    metrics: (response) => parts.metrics.respond(response),
  });
  const healthPort = await health.listen(config.HEALTH_HOST, config.HEALTH_PORT);
  const consumers = jobConsumers(config).map(({ definition }) => definition.durable_name);
  const lags = new ConsumerLags(broker, JOBS_STREAM, consumers, log);
  showGauges({ ...parts, store, lags, connection, limits, loops });
  const announcer = await startAnnouncer(parts);
  return run(
    { ...parts, recordWatch, store, connection, limits, jobs, loops, health, announcer },
    healthPort,
  );
}

function startAnnouncer({ config, registry, broker, hosts, retry, log }: LoopParts): Promise<HostAnnouncer> {
  const operations = [...registry.values()].filter((operation) => isTaken(operation, config));
  const host: HostAnnouncement = {
    host: config.WORKER_NAME,
    version: config.WORKER_VERSION,
    group: config.WORKER_GROUP,
    concurrency: config.WORKER_CONCURRENCY,
    since: new Date().toISOString(),
    leaseMs: leaseOf(config.WORKER_ANNOUNCE_MS),
    operations: operations.map(({ name }) => name),
    ...(config.WORKER_OWN_LANES.length === 0 ? {} : { ownLanes: [...config.WORKER_OWN_LANES] }),
  };
  checkHostSize(host, maxPayloadOf(broker));
  const warn = (sentence: string): void => log.warn(sentence);
  const room = maxPayloadOf(broker) - HEADER_BYTES;
  const announcements = operations.map((operation) => announcementOf(operation, warn, room));
  const renewMs = config.WORKER_ANNOUNCE_MS;
  return HostAnnouncer.start({ broker, host, operations: announcements, others: hosts, renewMs, retry, log });
}

/** Whether the worker group takes jobs of an operation. A host may have more operations than its group takes. */
function isTaken({ name }: Operation, { WORKER_OPERATIONS }: WorkerConfig): boolean {
  return takesOperation(WORKER_OPERATIONS, name);
}

/** Runs the loops until the worker is stopped. */
function run(parts: RunningParts, healthPort: number): Worker {
  const running = Promise.all(parts.loops.map((loop) => loop.run()));
  let stopping: Promise<void> | undefined;
  return {
    healthPort,
    failed: parts.connection.failed(),
    stop: () => {
      stopping ??= stop(parts, running);
      return stopping;
    },
  };
}

async function stop(parts: RunningParts, running: Promise<unknown>): Promise<void> {
  const { config, log, patience, jobs, loops, recordWatch, clock, store } = parts;
  const { connection, health, metrics, announcer } = parts;
  log.info({ running: jobs.running }, 'worker stopping');
  health.drain();
  connection.expectClose();
  const graceMs = config.WORKER_STOP_TIMEOUT_MS;
  const timer = startTimer(graceMs, () => patience.abort());
  await Promise.all([announcer.stop(), ...loops.map((loop) => loop.stop(graceMs))]);
  timer.stop();
  await running;
  parts.limits.stop();
  parts.pauseWatch.stop();
  recordWatch.stop();
  clock.stop();
  parts.permissions.stop();
  store.stop();
  await connection.close();
  const lost = (thrown: unknown): void => log.warn({ reason: describeThrown(thrown) }, 'spans were lost');
  await Promise.all([health.close(), metrics.shutdown(), parts.tracing.shutdown().catch(lost)]);
}

function createLoopParts(
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

/** Makes sure that the streams and consumers of this worker exist, with the settings that Throughline needs. @returns the streams */
async function prepareStreams(
  broker: Broker,
  config: WorkerConfig,
  log: WorkerLogger,
): Promise<readonly StreamDefinition[]> {
  const server = serverVersion(broker);
  const canDelay = isAtLeastVersion(server, DELAY_SINCE);
  if (!canDelay) log.warn({ server, needs: DELAY_SINCE }, 'delayed jobs will be refused');
  const copies = replicasOf(broker, config.STREAM_REPLICAS);
  const caps = storeCaps(config, await broker.manager.getAccountInfo(), copies);
  const definitions = streamDefinitions(copies, canDelay, caps);
  await ensureStreams(broker.manager, definitions, log);
  await ensureGroup(broker, jobConsumers(config));
  const callbacks = callbackConsumerDefinition(config.WORKER_ACK_WAIT_MS);
  await ensureConsumer(broker, CALLBACKS_STREAM, callbacks);
  return definitions;
}

function jobConsumers(config: WorkerConfig): RouteConsumer[] {
  return groupConsumers({
    group: config.WORKER_GROUP,
    operations: config.WORKER_OPERATIONS,
    ackWaitMs: config.WORKER_ACK_WAIT_MS,
    maxAckPending: config.WORKER_MAX_ACK_PENDING,
    ownLanes: config.WORKER_OWN_LANES,
  });
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
function createLimits({ config, broker, publisher, retry, log, metrics }: LoopParts): Limits {
  return new Limits({
    store: new LimitStore({ ...broker, publisher, retry }),
    leaseMs: config.WORKER_ACK_WAIT_MS,
    parked: Math.max(LEAST_PARKED, config.WORKER_CONCURRENCY * PARKED_PER_SLOT),
    random: Math.random,
    log,
    metrics,
  });
}

/** The loop that runs jobs. */
function createJobLoop(parts: LoopParts, lanes: readonly LaneSource[], limits: Limits): ConsumeLoop {
  const { config, broker, retry, publisher, log, metrics } = parts;
  const pipeline = new JobPipeline({
    ...parts,
    tracing: parts.tracing.on,
    limits,
    pauses: new Pauses({ watch: parts.pauseWatch, random: Math.random }),
    missing: new MissingPauses({ hosts: parts.hosts, random: Math.random, now: Date.now }),
    events: new EventPublisher(publisher),
    records: new JobRecords(broker.manager, retry),
    worker: config.WORKER_NAME,
    group: config.WORKER_GROUP,
    ackWaitMs: config.WORKER_ACK_WAIT_MS,
    random: Math.random,
  });
  const concurrency = config.WORKER_CONCURRENCY;
  return new ConsumeLoop({ lanes, handler: pipeline, concurrency, log, what: 'jobs', metrics });
}

/** The loop that delivers callbacks; none if the settings turn callbacks off on this host. */
function createCallbackLoops(parts: LoopParts): ConsumeLoop[] {
  const { config, broker, retry, log, metrics } = parts;
  const concurrency = config.CALLBACK_CONCURRENCY;
  if (concurrency === 0) return [];
  const deliverer = new CallbackDeliverer({
    ...parts,
    tracing: parts.tracing.on,
    secrets: new CallbackSecrets(config),
    schedule: {
      maxAttempts: config.CALLBACK_MAX_ATTEMPTS,
      minDelayMs: config.CALLBACK_RETRY_MIN_MS,
      maxDelayMs: config.CALLBACK_RETRY_MAX_MS,
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

/** Why the worker takes no jobs now; undefined when it does. */
function notReady(
  connection: ConnectionWatch,
  jobs: ConsumeLoop,
  { permissions, retry }: Pick<LoopParts, 'permissions' | 'retry'>,
): string | undefined {
  if (!connection.connected) return 'NATS is not connected';
  if (permissions.problem !== undefined) return permissions.problem;
  return jobs.problem === undefined ? retry.problem : `jobs cannot be pulled: ${jobs.problem}`;
}
