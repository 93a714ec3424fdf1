import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { withDeadline } from '../shared/deadline.ts';
import { describeThrown } from '../shared/errors.ts';
import { isAtLeastVersion, SCHEDULES_SINCE } from '../shared/nats/server-version.ts';
import {
  CALLBACKS_STREAM,
  type ConsumerDefinition,
  callbackConsumerDefinition,
  consumerDefinition,
  JOBS_STREAM,
  streamDefinitions,
} from '../shared/nats/streams.ts';
import { groupFilter, INBOX } from '../shared/wire/subjects.ts';
import { announce } from './broker/announce.ts';
import { BrokerRetry } from './broker/broker-retry.ts';
import { CancelWatch } from './broker/cancel-watch.ts';
import { connectBroker } from './broker/connect.ts';
import { ConsumeLoop } from './broker/consume-loop.ts';
import { DurableConsumer } from './broker/durable-consumer.ts';
import { EventPublisher } from './broker/event-publisher.ts';
import { ensureConsumer, ensureStreams } from './broker/provision.ts';
import { replicasOf } from './broker/server.ts';
import { StoredPublisher } from './broker/stored-publisher.ts';
import { CallbackDeliverer } from './callbacks/callback-deliverer.ts';
import { CallbackEventPublisher } from './callbacks/callback-event-publisher.ts';
import { CallbackQueue } from './callbacks/callback-queue.ts';
import { CallbackSecrets } from './callbacks/secrets.ts';
import { TargetGuard } from './callbacks/target-guard.ts';
import type { WorkerConfig } from './config.ts';
import { HealthServer } from './health-server.ts';
import { CancelMemory } from './jobs/cancel-memory.ts';
import { JobPipeline } from './jobs/pipeline.ts';
import type { WorkerLogger } from './log.ts';
import type { OperationRegistry } from './operations/operation-registry.ts';
import { announcementOf } from './operations/operation-schema.ts';
import { WorkerMetrics } from './telemetry/metrics.ts';

/** How long the last acknowledgements may take to reach the broker. */
const FLUSH_TIMEOUT_MS = 3_000;

export interface Worker {
  readonly healthPort: number;
  /** Stops pulling, lets jobs end, hands back the rest, closes everything. Safe to call twice. */
  readonly stop: () => Promise<void>;
  /** Settles when the worker cannot go on: rejects with why. */
  readonly failed: Promise<never>;
}

export interface WorkerParts {
  readonly config: WorkerConfig;
  readonly registry: OperationRegistry;
  readonly log: WorkerLogger;
  readonly tracing: boolean;
}

/**
 * Starts a worker: connects, creates or checks the streams, announces its operations, and takes jobs.
 * @throws ThroughlineError `broker-unavailable`, or `config-invalid` naming the setting
 */
export async function startWorker(parts: WorkerParts): Promise<Worker> {
  const { config, log } = parts;
  const connection = await connectBroker(config, INBOX.worker);
  try {
    return await start(parts, connection);
  } catch (thrown) {
    await connection
      .close()
      .catch((reason: unknown) => log.warn({ reason: describeThrown(reason) }, 'not closed'));
    throw thrown;
  }
}

async function start(
  { config, registry, log, tracing }: WorkerParts,
  connection: NatsConnection,
): Promise<Worker> {
  const manager = await jetstreamManager(connection);
  const schedules = isAtLeastVersion(connection.info?.version, SCHEDULES_SINCE);
  if (!schedules)
    log.warn({ server: connection.info?.version, needs: SCHEDULES_SINCE }, 'delayed jobs will be refused');
  const definitions = streamDefinitions(replicasOf(connection, config.STREAM_REPLICAS), schedules);
  await ensureStreams(manager, definitions, log);
  await ensureGroup(manager, config);
  const jetStream = jetstream(connection);
  const metrics = new WorkerMetrics();
  const cancels = new CancelMemory();
  const cancelWatch = await CancelWatch.start({
    connection,
    manager,
    memory: cancels,
    log,
    recheckMs: config.WORKER_ACK_WAIT_MS / 3,
  });
  const patience = new AbortController();
  const retry = new BrokerRetry({ log, patience: patience.signal });
  const publisher = new StoredPublisher(jetStream, retry, config.WORKER_NAME);
  const consumer = new DurableConsumer({
    jetStream,
    stream: JOBS_STREAM,
    name: config.WORKER_GROUP,
    ensure: () => ensureConsumer(manager, JOBS_STREAM, groupConsumer(config)),
    log,
  });
  const pipeline = new JobPipeline({
    cancels,
    publisher,
    events: new EventPublisher(publisher),
    callbacks: new CallbackQueue(publisher),
    retry,
    mayBeOlder: (message) => consumer.mayBeOlder(message),
    manager,
    registry,
    log,
    metrics,
    tracing,
    worker: config.WORKER_NAME,
    group: config.WORKER_GROUP,
    ackWaitMs: config.WORKER_ACK_WAIT_MS,
    random: Math.random,
  });
  const loop = new ConsumeLoop({
    consumer: () => consumer.get(),
    onFailure: () => consumer.forget(),
    concurrency: config.WORKER_CONCURRENCY,
    process: (message, stop) => pipeline.process(message, stop),
    log,
  });
  const callbacks = callbackLoop({ config, log, tracing, metrics, jetStream, manager, publisher });
  // While it was away, the consumer may have been deleted and made anew.
  const link = watchConnection(connection, log, () => consumer.forget());
  const health = new HealthServer({
    notReady: () => {
      if (!link.connected) return 'NATS is not connected';
      return loop.problem === undefined ? retry.problem : `jobs cannot be pulled: ${loop.problem}`;
    },
    metrics: (request, response) => metrics.respond(request, response),
  });
  const healthPort = await health.listen(config.HEALTH_HOST, config.HEALTH_PORT);
  await announce(jetStream, [...registry.values()].map(announcementOf));
  const running = Promise.all([loop.run(), callbacks?.run()]);
  let stopping: Promise<void> | undefined;
  return {
    healthPort,
    failed: failure(connection, () => stopping !== undefined),
    stop: () => {
      stopping ??= (async () => {
        log.info({ running: loop.running }, 'worker stopping');
        const grace = config.WORKER_STOP_TIMEOUT_MS;
        const timer = setTimeout(() => patience.abort(), grace);
        await Promise.all([loop.stop(grace), callbacks?.stop(grace)]);
        clearTimeout(timer);
        await running;
        cancelWatch.stop();
        await flush(connection, log);
        await Promise.all([health.close(), metrics.shutdown()]);
      })();
      return stopping;
    },
  };
}

async function ensureGroup(manager: JetStreamManager, config: WorkerConfig): Promise<void> {
  await ensureConsumer(manager, JOBS_STREAM, groupConsumer(config));
  await ensureConsumer(manager, CALLBACKS_STREAM, callbackConsumerDefinition(config.WORKER_ACK_WAIT_MS));
}

interface CallbackLoopParts extends Pick<WorkerParts, 'config' | 'log' | 'tracing'> {
  readonly metrics: WorkerMetrics;
  readonly jetStream: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly publisher: StoredPublisher;
}

/** Delivers callbacks beside the jobs; undefined where this host is not to. */
function callbackLoop({ config, log, tracing, metrics, jetStream, manager, publisher }: CallbackLoopParts) {
  const definition = callbackConsumerDefinition(config.WORKER_ACK_WAIT_MS);
  const consumer = new DurableConsumer({
    jetStream,
    stream: CALLBACKS_STREAM,
    name: definition.durable_name,
    ensure: () => ensureConsumer(manager, CALLBACKS_STREAM, definition),
    log,
  });
  const deliverer = new CallbackDeliverer({
    ...{ log, metrics, tracing },
    guard: new TargetGuard(config.CALLBACK_ALLOW),
    secrets: new CallbackSecrets(config),
    events: new CallbackEventPublisher(publisher),
    schedule: {
      maxAttempts: config.CALLBACK_MAX_ATTEMPTS,
      minDelayMs: config.CALLBACK_RETRY_MIN_MS,
      maxDelayMs: config.CALLBACK_RETRY_MAX_MS,
    },
    timeoutMs: config.CALLBACK_TIMEOUT_MS,
    ackWaitMs: config.WORKER_ACK_WAIT_MS,
    worker: config.WORKER_NAME,
    random: Math.random,
  });
  if (config.CALLBACK_CONCURRENCY === 0) return undefined;
  return new ConsumeLoop({
    consumer: () => consumer.get(),
    onFailure: () => consumer.forget(),
    concurrency: config.CALLBACK_CONCURRENCY,
    process: (message, stop) => deliverer.process(message, stop),
    log,
    what: 'callbacks',
  });
}

function groupConsumer(config: WorkerConfig): ConsumerDefinition {
  return consumerDefinition({
    group: config.WORKER_GROUP,
    filterSubject: groupFilter(config.WORKER_OPERATIONS),
    ackWaitMs: config.WORKER_ACK_WAIT_MS,
    maxAckPending: config.WORKER_MAX_ACK_PENDING,
  });
}

/** Waits until the broker has what was settled, and closes. Without a broker, those jobs come once more, and are skipped. */
async function flush(connection: NatsConnection, log: WorkerLogger): Promise<void> {
  const late = (): Error => new Error('the broker did not answer in time');
  await withDeadline(connection.drain(), FLUSH_TIMEOUT_MS, late).catch(async (thrown: unknown) => {
    log.warn(
      { reason: describeThrown(thrown) },
      'acknowledgements may be lost; their jobs are delivered again',
    );
    await connection.close();
  });
}

/** Follows the connection's ups and downs, for readiness and for whoever reads the log at night. */
function watchConnection(
  connection: NatsConnection,
  log: WorkerLogger,
  onReconnect: () => void,
): { readonly connected: boolean } {
  const link = { connected: true };
  const follow = async (): Promise<void> => {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') link.connected = false;
      if (status.type === 'reconnect') {
        link.connected = true;
        onReconnect();
      }
      if (status.type === 'disconnect' || status.type === 'reconnect')
        log.warn({ status: status.type }, 'NATS connection');
    }
  };
  follow().catch((thrown: unknown) => log.warn({ reason: describeThrown(thrown) }, 'connection status lost'));
  return link;
}

async function failure(connection: NatsConnection, isStopping: () => boolean): Promise<never> {
  const reason = await connection.closed();
  if (isStopping()) return await new Promise<never>(() => undefined);
  throw new Error(`the NATS connection was closed: ${describeThrown(reason)}`);
}
