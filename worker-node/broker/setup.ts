import type { JetStreamManager } from '@nats-io/jetstream';
import { ThroughlineError } from '../../shared/errors.ts';
import { limitFindings } from '../../shared/nats/account-limits.ts';
import { consumerFindings } from '../../shared/nats/consumers/consumer-rules.ts';
import { type Finding, findingText } from '../../shared/nats/finding.ts';
import { LARGEST_MESSAGE_BYTES } from '../../shared/nats/message-sizes.ts';
import { SETUP_PERMISSIONS } from '../../shared/nats/permissions/setup.ts';
import { DELAY_SINCE, isAtLeastVersion, SYNC_SINCE } from '../../shared/nats/server-version.ts';
import { storeCaps } from '../../shared/nats/store-caps.ts';
import {
  CALLBACKS_STREAM,
  consumerDefinition,
  filtersOf,
  isOfCopy,
  JOBS_STREAM,
  streamDefinitions,
} from '../../shared/nats/streams.ts';
import { INBOX } from '../../shared/wire/subjects.ts';
import { type WorkerConfig, workerConfig, workerWarnings } from '../config.ts';
import { clockDifference, clockWarning } from './checks/clock-check.ts';
import { requestError } from './checks/failure-reason.ts';
import type { Broker } from './connection/broker.ts';
import { connectBroker } from './connection/connect.ts';
import { isClustered, replicasOf, serverVersion } from './connection/server.ts';
import { jobConsumers } from './groups/group.ts';
import { permissionFindings } from './permissions/check.ts';
import { checkStream, type StreamReport, setUpStream } from './provision.ts';

interface SetupOptions {
  /** The worker's settings say where NATS is. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Whether to check only, and change nothing. */
  readonly check: boolean;
  /** Copies of each stream; undefined: STREAM_REPLICAS, else 3 in a cluster and 1 on a single server. */
  readonly replicas: number | undefined;
}

/** What {@link setUpBroker} found, and what it did. */
export interface SetupReport {
  readonly server: { readonly version: string; readonly clustered: boolean };
  readonly streams: readonly StreamReport[];
  /** Settings of the workers' consumers that are wrong. */
  readonly consumers: readonly Finding[];
  /** Limits of the account that are too low. */
  readonly account: readonly Finding[];
  /** Permissions that the user of `throughline setup` lacks. */
  readonly permissions: readonly Finding[];
  /** What an operator should know about the settings and the server. */
  readonly warnings: readonly string[];
  /** Whether every stream exists and no setting breaks a promise. */
  readonly ok: boolean;
}

/**
 * Creates the streams and buckets that Throughline needs, or updates them, or only checks them.
 * @throws ThroughlineError `config-invalid`, `broker-unavailable`
 */
export async function setUpBroker({ environment, check, replicas }: SetupOptions): Promise<SetupReport> {
  const config = workerConfig(environment);
  const broker = await connectBroker({ ...config, WORKER_NAME: 'throughline-setup' }, INBOX.setup);
  try {
    const warnings = workerWarnings(environment);
    return await setUp(
      broker,
      { ...config, STREAM_REPLICAS: replicas ?? config.STREAM_REPLICAS },
      check,
      warnings,
    );
  } catch (thrown) {
    throw await requestError(broker, thrown);
  } finally {
    await broker.connection.close();
  }
}

/** @param warnings those about the environment */
async function setUp(
  broker: Broker,
  config: WorkerConfig,
  check: boolean,
  warnings: readonly string[],
): Promise<SetupReport> {
  const version = serverVersion(broker) ?? 'unknown';
  const clustered = isClustered(broker);
  const copies = replicasOf(broker, config.STREAM_REPLICAS);
  const accountInfo = await broker.manager.getAccountInfo();
  const caps = storeCaps(config, accountInfo, copies);
  const definitions = streamDefinitions(copies, isAtLeastVersion(version, DELAY_SINCE), caps);
  const account = limitFindings(accountInfo, {
    streams: definitions.length,
    copies,
    consumers: jobConsumers(config).length,
    ackPending: config.WORKER_MAX_ACK_PENDING,
  });
  const permissions = await permissionFindings(broker.connection, 'setup', SETUP_PERMISSIONS);
  const streams = await reportStreams(broker.manager, definitions, check ? checkStream : setUpStream).catch(
    (thrown: unknown) => Promise.reject(withLimits(thrown, account)),
  );
  const consumers = await checkConsumers(broker.manager, streams);
  const clock = clockWarning(await clockDifference(broker));
  const findings = [streams.flatMap((stream) => stream.findings), consumers, account, permissions].flat();
  const isComplete = streams.every(({ state }) => state !== 'missing');
  return {
    server: { version, clustered },
    streams,
    consumers,
    account,
    permissions,
    warnings: [
      ...warnings,
      ...(clustered ? moreCopies(streams, config.STREAM_REPLICAS) : []),
      ...serverWarnings(broker, version),
      ...(clock === undefined ? [] : [clock]),
    ],
    ok: isComplete && findings.every(({ level }) => level !== 'breaks'),
  };
}

/** Checks streams or sets them up, one after the other, because a stream may have another one as its source. */
async function reportStreams(
  manager: JetStreamManager,
  definitions: ReturnType<typeof streamDefinitions>,
  step: typeof setUpStream,
): Promise<StreamReport[]> {
  const reports: StreamReport[] = [];
  for (const definition of definitions) reports.push(await step(manager, definition));
  return reports;
}

/** The error of a stream that the server refuses, with the limits of the account that may be why. */
function withLimits(thrown: unknown, account: readonly Finding[]): unknown {
  const breaking = account.filter(({ level }) => level === 'breaks');
  if (!(thrown instanceof ThroughlineError) || breaking.length === 0) return thrown;
  const message = [thrown.message, ...breaking.map(findingText)].join('; ');
  return new ThroughlineError(thrown.code, message, { cause: thrown });
}

/** Checks the consumers of the worker groups. The workers of a group create them. */
async function checkConsumers(
  manager: JetStreamManager,
  streams: readonly StreamReport[],
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const stream of [JOBS_STREAM, CALLBACKS_STREAM]) {
    if (streams.some(({ name, state }) => name === stream && state === 'missing')) continue;
    for await (const { name, config } of manager.consumers.list(stream)) {
      if (isOfCopy(config)) continue;
      // A group chooses its own filter, ack wait and number of messages.
      const chosen = { filters: filtersOf(config, ''), ackWaitMs: 0, maxAckPending: 0 };
      const definition = consumerDefinition({ name, ...chosen });
      findings.push(...consumerFindings({ ...config }, definition, stream));
    }
  }
  return findings;
}

/** That streams have more copies than the settings ask for: fewer would protect their messages less, so nobody takes them away. */
function moreCopies(streams: readonly StreamReport[], wanted = Number.POSITIVE_INFINITY): string[] {
  const names = streams.filter(({ replicas }) => replicas > wanted).map(({ name }) => name);
  if (names.length === 0) return [];
  return [
    `${names.join(', ')}: more copies than ${wanted} (STREAM_REPLICAS, --replicas), and setup takes none away; \`nats stream edit --replicas ${wanted}\` does`,
  ];
}

/** Warnings from what JetStream's API says about the server. The API does not say whether the server syncs. */
function serverWarnings({ connection }: Broker, version: string): string[] {
  const largest = connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
  const warnings: string[] = [];
  if (!isAtLeastVersion(version, SYNC_SINCE)) {
    warnings.push(
      `nats-server ${version} cannot sync before it acknowledges: a power failure may lose what was accepted (sync_interval: always needs ${SYNC_SINCE})`,
    );
  } else {
    warnings.push(
      'whether nats-server syncs before it acknowledges cannot be seen from here: its configuration must say sync_interval: always',
    );
  }
  if (!isAtLeastVersion(version, DELAY_SINCE)) {
    warnings.push(`nats-server ${version} cannot delay jobs: delay needs ${DELAY_SINCE}`);
  }
  if (largest < LARGEST_MESSAGE_BYTES) {
    warnings.push(
      `max_payload of nats-server is ${largest}: inputs and results that Throughline allows need ${LARGEST_MESSAGE_BYTES}`,
    );
  }
  return warnings;
}
