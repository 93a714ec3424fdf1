import { readFile } from 'node:fs/promises';
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { RequestOne } from '@nats-io/nats-core/internal';
import {
  type Authenticator,
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  type NatsConnection,
  usernamePasswordAuthenticator,
  wsconnect,
} from '@nats-io/transport-node';
import { valueWithin, withDeadline } from '../../shared/deadline.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import { LIMITS } from '../../shared/job/limits.ts';
import { needsTls, serverNames, usesWebSocket } from '../../shared/nats/broker-address.ts';
import { isCredentials, loginOf } from '../../shared/nats/broker-login.ts';
import { answerWithoutError } from '../../shared/nats/client/answered-requests.ts';
import { fileFault } from '../../shared/text/file-fault.ts';
import type { WorkerConfig } from '../config.ts';
import { batchWrites } from './batched-writes.ts';
import { withAsciiHost } from './checks/ascii-host.ts';
import { connectReason, JETSTREAM_OFF } from './checks/connect-reason.ts';
import { deniedError } from './permissions/permission-watch.ts';
import { poolMemory } from './publish/pooled-memory.ts';

/** How long one server may take to answer before the next one of the list is tried. */
const CONNECT_TIMEOUT_MS = 5_000;
/** The pause before the client reconnects. The jitter spreads the reconnects of many workers over time. */
const RECONNECT_WAIT_MS = 500;
const RECONNECT_JITTER_MS = 500;
const PING_MS = 2_000;
/** Copies of a stream in a cluster: two of three servers are a majority. */
const CLUSTER_REPLICAS = 3;

/** A connection to NATS and the JetStream clients that use it. */
export interface Broker {
  readonly connection: NatsConnection;
  readonly jetStream: JetStreamClient;
  readonly manager: JetStreamManager;
}

/** The settings that say where NATS is and who connects. */
type ConnectConfig = Pick<
  WorkerConfig,
  'NATS_URL' | 'NATS_USER' | 'NATS_PASSWORD' | 'NATS_TOKEN' | 'NATS_CREDS_FILE' | 'WORKER_NAME'
>;

/**
 * Connects to the first server of `NATS_URL` that answers. After a loss the client tries all of them in turn, for as long
 * as the process lives.
 * @param inboxPrefix first words of the subjects on which this connection gets answers
 * @throws ThroughlineError `broker-unavailable` naming the servers if none of them answers, `config-invalid`
 *   if the credentials file cannot be read or is not valid, or the user may not use JetStream; whatever the NATS client
 *   throws if JetStream does not answer
 */
export async function connectBroker(config: ConnectConfig, inboxPrefix: string): Promise<Broker> {
  const connection = await openConnection(config, inboxPrefix);
  try {
    const manager = await jetstreamManager(connection);
    return { connection, manager, jetStream: jetstream(connection) };
  } catch (thrown) {
    await connection.close();
    if (thrown instanceof Error && thrown.name === 'JetStreamNotEnabled')
      throw new ThroughlineError('broker-unavailable', JETSTREAM_OFF, { cause: thrown });
    throw deniedError(thrown);
  }
}

/**
 * As {@link connectBroker}, but without the JetStream clients: they ask for more than the edge's user may do.
 * @throws ThroughlineError `broker-unavailable`, `config-invalid`
 */
export async function openConnection(config: ConnectConfig, inboxPrefix: string): Promise<NatsConnection> {
  answerWithoutError(RequestOne);
  const servers = config.NATS_URL.servers.map(withAsciiHost);
  const options: ConnectionOptions = {
    servers,
    noRandomize: true,
    name: config.WORKER_NAME,
    inboxPrefix,
    timeout: CONNECT_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    reconnectJitter: RECONNECT_JITTER_MS,
    pingInterval: 10_000,
    noAsyncTraces: true,
    ...(needsTls(servers) ? { tls: {}, reconnectJitterTLS: RECONNECT_JITTER_MS } : {}),
    ...(await credentialsOf(config)),
  };
  try {
    const connection = await (usesWebSocket(servers) ? wsconnect : connect)(options);
    keepServers(connection, servers);
    batchWrites(connection);
    if (!usesWebSocket(servers)) poolMemory(connection);
    return connection;
  } catch (cause) {
    throw connectError(cause, servers);
  }
}

/**
 * The error for a connection that did not come about.
 * @param cause what the NATS client threw
 * @returns `broker-unavailable` naming the servers
 */
function connectError(cause: unknown, servers: readonly string[]): ThroughlineError {
  const message = `cannot connect to NATS at ${serverNames(servers)}: ${connectReason(cause, servers)}`;
  return new ThroughlineError('broker-unavailable', message, { cause });
}

/**
 * Gives the client back the servers that did not answer at the first connect: it has forgotten them, and they may be the
 * only ones left after a later loss.
 */
function keepServers(connection: NatsConnection, servers: readonly string[]): void {
  if (servers.length === 1) return;
  const fromCluster = connection
    .getServers()
    .filter(({ gossiped, listen }) => gossiped && !servers.some((server) => server.endsWith(`//${listen}`)))
    .map(({ src }) => src);
  connection.setServers([...servers, ...fromCluster]);
}

async function credentialsOf(config: ConnectConfig): Promise<ConnectionOptions> {
  if (config.NATS_CREDS_FILE !== undefined) return { authenticator: await readCreds(config.NATS_CREDS_FILE) };
  const login = loginOf(config);
  if (login === undefined) return {};
  if ('token' in login) return { token: login.token };
  return { authenticator: usernamePasswordAuthenticator(login.user, login.password) };
}

/**
 * Reads the credentials file, if there is one, without calling NATS.
 * @throws ThroughlineError `config-invalid` if it cannot be read or is not valid
 */
export async function checkCredentials({
  NATS_CREDS_FILE: file,
}: Pick<ConnectConfig, 'NATS_CREDS_FILE'>): Promise<void> {
  if (file !== undefined) await readCreds(file);
}

/** The message does not show the path: it may be the credentials themselves, put into the wrong setting. */
async function readCreds(file: string): Promise<Authenticator> {
  const refuse = (why: string, cause?: unknown): ThroughlineError =>
    new ThroughlineError('config-invalid', `NATS_CREDS_FILE: ${why}`, { cause });
  const bytes = await readFile(file).catch((thrown: NodeJS.ErrnoException) => {
    throw refuse(`the file cannot be read: ${fileFault({ code: thrown.code })}`);
  });
  if (!isCredentials(bytes.toString())) throw refuse('the file does not hold a JWT and a seed');
  const authenticator = credsAuthenticator(bytes);
  try {
    // It reads the seed when it signs.
    authenticator('a nonce');
  } catch (cause) {
    throw refuse('the seed in the file is not valid', cause);
  }
  return authenticator;
}

/** `max_payload` of a nats-server without settings. */
export const DEFAULT_MAX_PAYLOAD = 1024 * 1024;
/** With less, not even the event of a failure would surely fit: its message and its baggage may take half of it. */
const LEAST_MAX_PAYLOAD = 32 * 1024;

/** How many bytes the server takes in a message, headers included. */
export function maxPayloadOf({ connection }: Pick<Broker, 'connection'>): number {
  return connection.info?.max_payload ?? DEFAULT_MAX_PAYLOAD;
}

/**
 * Checks how many bytes the server takes in a message.
 * @returns a warning if a result of the largest size does not fit
 * @throws ThroughlineError `config-invalid` if the end of a job may not fit
 */
export function checkMaxPayload(maxPayload: number): string | undefined {
  const setting = `max_payload of nats-server is ${maxPayload}`;
  if (maxPayload < LEAST_MAX_PAYLOAD)
    throw new ThroughlineError(
      'config-invalid',
      `${setting}; Throughline needs at least ${LEAST_MAX_PAYLOAD}`,
    );
  if (maxPayload >= DEFAULT_MAX_PAYLOAD) return undefined;
  return `${setting}, so a job may fail with result-too-large before its result has ${LIMITS.resultBytes} bytes`;
}

/** Whether the server answers a ping within two seconds. */
export async function answers({ connection }: Pick<Broker, 'connection'>): Promise<boolean> {
  const late = (): Error => new Error('no pong in time');
  return await withDeadline(connection.flush(), PING_MS, late).then(
    () => true,
    () => false,
  );
}

/** How many milliseconds a ping takes to the server and back; undefined if no answer comes within two seconds. */
export async function roundTripMs({ connection }: Pick<Broker, 'connection'>): Promise<number | undefined> {
  return await valueWithin(connection.rtt(), PING_MS);
}

/** Version of the server, as it said when the client connected. */
export function serverVersion({ connection }: Pick<Broker, 'connection'>): string | undefined {
  return connection.info?.version;
}

/** Whether the server is part of a cluster. */
export function isClustered({ connection }: Pick<Broker, 'connection'>): boolean {
  return connection.info?.cluster !== undefined;
}

/**
 * Copies of each stream: the setting, or what the server can hold if it is not set.
 * @throws ThroughlineError `config-invalid` for more than one copy on one server
 */
export function replicasOf(broker: Pick<Broker, 'connection'>, setting: number | undefined): number {
  const canHoldMore = isClustered(broker);
  if (setting !== undefined && setting > 1 && !canHoldMore) {
    const message = `STREAM_REPLICAS (--replicas) is ${setting}, but this nats-server is not in a cluster and can hold 1 copy; streams with more copies would be missing after its next start`;
    throw new ThroughlineError('config-invalid', message);
  }
  return setting ?? (canHoldMore ? CLUSTER_REPLICAS : 1);
}
