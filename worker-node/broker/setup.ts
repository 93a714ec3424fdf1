import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { consumerFindings } from '../../shared/nats/consumer-rules.ts';
import type { Finding } from '../../shared/nats/finding.ts';
import { isAtLeastVersion, SCHEDULES_SINCE, SYNC_SINCE } from '../../shared/nats/server-version.ts';
import { LARGEST_MESSAGE_BYTES } from '../../shared/nats/stream-rules.ts';
import {
  CALLBACKS_STREAM,
  consumerDefinition,
  JOBS_STREAM,
  streamDefinitions,
} from '../../shared/nats/streams.ts';
import { INBOX } from '../../shared/wire/subjects.ts';
import { workerConfig } from '../config.ts';
import { connectBroker } from './connect.ts';
import { checkStream, type StreamReport, setUpStream } from './provision.ts';
import { isClustered, replicasOf } from './server.ts';

export interface SetupOptions {
  /** The worker's settings say where NATS is. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Changes nothing. */
  readonly check: boolean;
  /** Copies of each stream; undefined: STREAM_REPLICAS, else 3 in a cluster and 1 on a single server. */
  readonly replicas: number | undefined;
}

export interface SetupReport {
  readonly server: { readonly version: string; readonly clustered: boolean };
  readonly streams: readonly StreamReport[];
  /** What of the workers' consumers is not as it has to be. */
  readonly consumers: readonly Finding[];
  /** What an operator should know of the server. */
  readonly warnings: readonly string[];
  /** Whether everything is there, and nothing breaks a promise. */
  readonly ok: boolean;
}

/**
 * Creates the streams and the bucket that Throughline stands on, or brings them up to date, or only checks them.
 * @throws ThroughlineError `config-invalid`, `broker-unavailable`
 */
export async function setUpBroker({ environment, check, replicas }: SetupOptions): Promise<SetupReport> {
  const config = workerConfig(environment);
  const connection = await connectBroker({ ...config, WORKER_NAME: 'throughline-setup' }, INBOX.setup);
  try {
    const manager = await jetstreamManager(connection);
    const version = connection.info?.version ?? 'unknown';
    const copies = replicasOf(connection, replicas ?? config.STREAM_REPLICAS);
    const streams: StreamReport[] = [];
    for (const definition of streamDefinitions(copies, isAtLeastVersion(version, SCHEDULES_SINCE)))
      streams.push(await (check ? checkStream : setUpStream)(manager, definition));
    const consumers = await checkConsumers(manager, streams);
    const findings = [...streams.flatMap((stream) => stream.findings), ...consumers];
    return {
      server: { version, clustered: isClustered(connection) },
      streams,
      consumers,
      warnings: serverWarnings(connection, version),
      ok:
        streams.every(({ state }) => state !== 'missing') &&
        findings.every(({ level }) => level !== 'breaks'),
    };
  } finally {
    await connection.close();
  }
}

/** The consumers of worker groups that are there; each group's worker makes its own. */
async function checkConsumers(
  manager: JetStreamManager,
  streams: readonly StreamReport[],
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const stream of [JOBS_STREAM, CALLBACKS_STREAM]) {
    if (streams.some(({ name, state }) => name === stream && state === 'missing')) continue;
    for await (const { name, config } of manager.consumers.list(stream)) {
      // What a group takes, how long and how many, is its own choice.
      const chosen = { filterSubject: config.filter_subject ?? '', ackWaitMs: 0, maxAckPending: 0 };
      const definition = consumerDefinition({ group: name, ...chosen });
      findings.push(...consumerFindings({ ...config }, definition, stream));
    }
  }
  return findings;
}

/** What can be seen of a server from outside. Whether it syncs cannot: no answer of JetStream's API tells. */
function serverWarnings({ info }: NatsConnection, version: string): string[] {
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
  if (!isAtLeastVersion(version, SCHEDULES_SINCE)) {
    warnings.push(`nats-server ${version} cannot delay jobs: delay needs ${SCHEDULES_SINCE}`);
  }
  if (info !== undefined && info.max_payload < LARGEST_MESSAGE_BYTES) {
    warnings.push(
      `max_payload of nats-server is ${info.max_payload}: inputs and results that Throughline allows need ${LARGEST_MESSAGE_BYTES}`,
    );
  }
  return warnings;
}
