import { type HostAnnouncement, leaseOf } from '../shared/api/host-announcement.ts';
import { describeThrown } from '../shared/errors.ts';
import { takesOperation } from '../shared/nats/consumers/operation-filters.ts';
import { groupInbox } from '../shared/nats/permissions/group.ts';
import { neededByWorker } from '../shared/nats/permissions/worker.ts';
import { DELAY_SINCE, isAtLeastVersion } from '../shared/nats/server-version.ts';
import { storeCaps } from '../shared/nats/store-caps.ts';
import {
  CALLBACKS_STREAM,
  callbackConsumerDefinition,
  JOBS_STREAM,
  type StreamDefinition,
  streamDefinitions,
} from '../shared/nats/streams.ts';
import { startTimer } from '../shared/timers.ts';
import { ClockCheck } from './broker/checks/clock-check.ts';
import { ConsumerLags } from './broker/checks/consumer-lag.ts';
import { requestError } from './broker/checks/failure-reason.ts';
import { StoreWatch } from './broker/checks/store-watch.ts';
import type { Broker } from './broker/connection/broker.ts';
import { connectBroker } from './broker/connection/connect.ts';
import { ConnectionWatch } from './broker/connection/connection-watch.ts';
import { checkMaxPayload, maxPayloadOf } from './broker/connection/max-payload.ts';
import { replicasOf, serverVersion } from './broker/connection/server.ts';
import type { ConsumeLoop } from './broker/consume/consume-loop.ts';
import { jobConsumers } from './broker/groups/group.ts';
import { HostAnnouncer } from './broker/host-announcer.ts';
import { HostWatch } from './broker/host-watch.ts';
import { PauseWatch } from './broker/pause-watch.ts';
import { PermissionWatch } from './broker/permissions/permission-watch.ts';
import { ensureConsumer, ensureGroup, ensureStreams } from './broker/provision.ts';
import { RecordWatch } from './broker/record-watch.ts';
import type { WorkerConfig } from './config.ts';
import { createMetrics, showGauges } from './gauges.ts';
import { HealthServer } from './health-server.ts';
import type { Limits } from './jobs/limits/limits.ts';
import type { WorkerLogger } from './log.ts';
import {
  createCallbackLoops,
  createJobLoop,
  createLimits,
  createLoopParts,
  type LoopParts,
  type WatchedParts,
  type WorkerParts,
} from './loops.ts';
import { checkHostSize, ENVELOPE_BYTES } from './operations/host-size.ts';
import type { Operation } from './operations/operation.ts';
import { announcementOf } from './operations/operation-schema.ts';
import { SIGNALS } from './telemetry/export/losses.ts';

/** A worker that runs. */
export interface Worker {
  readonly healthPort: number;
  /** Stops pulling, lets jobs end, hands back the rest, closes everything. Safe to call twice. */
  readonly stop: () => Promise<void>;
  /** Rejects with the reason when the worker cannot go on. Never resolves. */
  readonly failed: Promise<never>;
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
  } catch (cause) {
    const thrown = await requestError(broker, cause);
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
  const limits = createLimits(parts);
  const jobs = createJobLoop(parts, limits, (operation) => announcer.isReplaced(operation));
  const loops = [jobs, ...createCallbackLoops(parts)];
  const reconnecting: { reconnected(): void }[] = [parts.metrics, ...loops];
  const connection = new ConnectionWatch({
    broker,
    servers: config.NATS_URL.servers,
    log,
    onReconnect: () => {
      for (const part of reconnecting) part.reconnected();
    },
  });
  void connection.follow();
  const watched = { ...parts, recordWatch, store, connection, limits, jobs, loops };
  const health = createHealth(watched);
  const healthPort = await health.listen(config.HEALTH_HOST, config.HEALTH_PORT);
  const consumers = jobConsumers(config).map(({ definition }) => definition.durable_name);
  showGauges({ ...watched, lags: new ConsumerLags(broker, JOBS_STREAM, consumers, log) });
  const announcer = await startAnnouncer(parts);
  reconnecting.push(announcer);
  return run({ ...watched, health, announcer }, healthPort);
}

function createHealth(parts: Omit<RunningParts, 'health' | 'announcer'>): HealthServer {
  const { clock, permissions, store, tracing, output, metrics } = parts;
  return new HealthServer({
    notReady: () => notReady(parts),
    warnings: () => [
      ...(clock.warning === undefined ? [] : [clock.warning]),
      ...permissions.warnings,
      ...store.warnings,
      ...SIGNALS.flatMap((signal) => tracing.losses[signal].warnings),
      ...output.warnings,
    ],
    metrics: (response) => metrics.respond(response),
  });
}

/** Why the worker takes no jobs now; undefined when it does. */
function notReady({
  connection,
  permissions,
  jobs,
  retry,
  store,
}: Pick<RunningParts, 'connection' | 'permissions' | 'jobs' | 'retry' | 'store'>): string | undefined {
  if (connection.problem !== undefined) return connection.problem;
  if (permissions.problem !== undefined) return permissions.problem;
  if (jobs.problem !== undefined) return `jobs cannot be pulled: ${jobs.problem}`;
  return retry.problem ?? store.problem;
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
  const room = maxPayloadOf(broker) - ENVELOPE_BYTES;
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
  await ensureGroup(broker, jobConsumers(config), log);
  const callbacks = callbackConsumerDefinition(config.WORKER_ACK_WAIT_MS);
  await ensureConsumer(broker, CALLBACKS_STREAM, callbacks, log);
  return definitions;
}
