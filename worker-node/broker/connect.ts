import { readFile } from 'node:fs/promises';
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import type { WorkerConfig } from '../config.ts';

/** The pause before the client reconnects. The jitter spreads the reconnects of many workers over time. */
const RECONNECT_WAIT_MS = 500;
const RECONNECT_JITTER_MS = 500;
/** Copies of a stream in a cluster: two of three servers are a majority. */
const CLUSTER_REPLICAS = 3;

/** A connection to NATS and the JetStream clients that use it. */
export interface Broker {
  readonly connection: NatsConnection;
  readonly jetStream: JetStreamClient;
  readonly manager: JetStreamManager;
}

/** The settings that say if NATS is and who connects. */
type ConnectConfig = Pick<
  WorkerConfig,
  'NATS_URL' | 'NATS_USER' | 'NATS_PASSWORD' | 'NATS_TOKEN' | 'NATS_CREDS_FILE' | 'WORKER_NAME'
>;

/**
 * Connects to NATS. The client reconnects after every loss for as long as the process lives.
 * @param inboxPrefix first words of the subjects on which this connection gets answers
 * @throws ThroughlineError `broker-unavailable` naming the URL when the first connection fails, `config-invalid`
 *   when the credentials file cannot be read; whatever the NATS client throws if JetStream does not answer
 */
export async function connectBroker(config: ConnectConfig, inboxPrefix: string): Promise<Broker> {
  const connection = await openConnection(config, inboxPrefix);
  try {
    const manager = await jetstreamManager(connection);
    return { connection, manager, jetStream: jetstream(connection) };
  } catch (thrown) {
    await connection.close();
    throw thrown;
  }
}

async function openConnection(config: ConnectConfig, inboxPrefix: string): Promise<NatsConnection> {
  const credentials = await credentialsOf(config);
  try {
    return await connect({
      servers: config.NATS_URL,
      name: config.WORKER_NAME,
      inboxPrefix,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RECONNECT_WAIT_MS,
      reconnectJitter: RECONNECT_JITTER_MS,
      pingInterval: 10_000,
      noAsyncTraces: true,
      ...credentials,
    });
  } catch (cause) {
    const reason = `cannot connect to NATS at ${config.NATS_URL}: ${describeThrown(cause)}`;
    throw new ThroughlineError('broker-unavailable', reason, { cause });
  }
}

async function credentialsOf(config: ConnectConfig): Promise<Record<string, unknown>> {
  const { NATS_CREDS_FILE, NATS_TOKEN, NATS_USER, NATS_PASSWORD } = config;
  if (NATS_CREDS_FILE !== undefined)
    return { authenticator: credsAuthenticator(await readCreds(NATS_CREDS_FILE)) };
  if (NATS_TOKEN !== undefined) return { token: NATS_TOKEN };
  if (NATS_USER !== undefined) return { user: NATS_USER, pass: NATS_PASSWORD };
  return {};
}

async function readCreds(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new ThroughlineError('config-invalid', `NATS_CREDS_FILE: ${file} cannot be read`, { cause });
  }
}

/** Version of the server, as it said when the client connected. */
export function serverVersion({ connection }: Pick<Broker, 'connection'>): string | undefined {
  return connection.info?.version;
}

/** Whether the server is part of a cluster. */
export function isClustered({ connection }: Pick<Broker, 'connection'>): boolean {
  return connection.info?.cluster !== undefined;
}

/** Copies of each stream: the setting, or what the server can hold if it is not set. */
export function replicasOf(broker: Pick<Broker, 'connection'>, setting: number | undefined): number {
  return setting ?? (isClustered(broker) ? CLUSTER_REPLICAS : 1);
}
