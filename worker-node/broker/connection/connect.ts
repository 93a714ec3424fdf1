import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { WsConnectionOptions } from '@nats-io/nats-core';
import { RequestOne } from '@nats-io/nats-core/internal';
import { type ConnectionOptions, connect, type NatsConnection, wsconnect } from '@nats-io/transport-node';
import { withDeadline } from '../../../shared/deadline.ts';
import { describeThrown, ThroughlineError } from '../../../shared/errors.ts';
import { needsTls, serverNames, usesWebSocket } from '../../../shared/nats/broker-address.ts';
import { answerWithoutError } from '../../../shared/nats/client/answered-requests.ts';
import type { WorkerConfig } from '../../config.ts';
import { requestError } from '../checks/failure-reason.ts';
import { deniedError } from '../permissions/permission-watch.ts';
import { poolMemory } from '../publish/pooled-memory.ts';
import { isNotEnabled } from './api-error.ts';
import { withAsciiHost } from './ascii-host.ts';
import { batchWrites } from './batched-writes.ts';
import type { Broker } from './broker.ts';
import { connectReason, JETSTREAM_OFF } from './connect-reason.ts';
import { type CredentialConfig, credentialsOf } from './credentials.ts';
import { endLostRequests } from './lost-requests.ts';
import { endSilentSockets } from './socket.ts';

/** How long one server may take to answer before the next one of the list is tried. */
const CONNECT_TIMEOUT_MS = 5_000;
/** The pause before the client reconnects. The jitter spreads the reconnects of many workers over time. */
const RECONNECT_WAIT_MS = 500;
const RECONNECT_JITTER_MS = 500;
/** How long the last messages may take to reach the broker when a connection is closed. */
const DRAIN_TIMEOUT_MS = 3_000;

/** The settings that say where NATS is and who connects. */
type ConnectConfig = CredentialConfig & Pick<WorkerConfig, 'WORKER_NAME'>;

/**
 * Connects to the first server of `NATS_URL` that answers. After a loss the client tries all of them in turn, for as long
 * as the process lives, or until `closedReason` gives up a user that NATS refuses.
 * @param inboxPrefix first words of the subjects on which this connection gets answers
 * @throws ThroughlineError `broker-unavailable` naming the servers if none of them answers, or if JetStream does not;
 *   `config-invalid` if the credentials file cannot be read or is not valid, or the user may not use JetStream
 */
export async function connectBroker(config: ConnectConfig, inboxPrefix: string): Promise<Broker> {
  const connection = await openConnection(config, inboxPrefix);
  try {
    const manager = await jetstreamManager(connection);
    return { connection, manager, jetStream: jetstream(connection) };
  } catch (cause) {
    const thrown = await noJetStreamError(connection, cause);
    await connection.close();
    throw thrown;
  }
}

async function noJetStreamError(connection: NatsConnection, cause: unknown): Promise<unknown> {
  if (isNotEnabled(cause)) return new ThroughlineError('broker-unavailable', JETSTREAM_OFF, { cause });
  return await requestError({ connection }, deniedError(cause));
}

/**
 * As {@link connectBroker}, but without the JetStream clients: they ask for more than the edge's user may do.
 * @throws ThroughlineError `broker-unavailable`, `config-invalid`
 */
export async function openConnection(config: ConnectConfig, inboxPrefix: string): Promise<NatsConnection> {
  answerWithoutError(RequestOne);
  const servers = config.NATS_URL.servers.map(withAsciiHost);
  const options: ConnectionOptions & Pick<WsConnectionOptions, 'wsFactory'> = {
    servers,
    noRandomize: true,
    name: config.WORKER_NAME,
    inboxPrefix,
    timeout: CONNECT_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    reconnectJitter: RECONNECT_JITTER_MS,
    pingInterval: 10_000,
    noAsyncTraces: true,
    ...(needsTls(servers) ? { tls: {}, reconnectJitterTLS: RECONNECT_JITTER_MS } : {}),
    // Loads a WebSocket, and Node's fetch with it, only where there is one.
    ...(usesWebSocket(servers) ? { wsFactory: (await import('./web-socket.ts')).wsFactory } : {}),
    ...(await credentialsOf(config)),
  };
  try {
    const connection = await (usesWebSocket(servers) ? wsconnect : connect)(options);
    keepServers(connection, servers);
    pauseByNoClock(connection);
    void endLostRequests(connection);
    void endSilentSockets(connection);
    batchWrites(connection);
    if (!usesWebSocket(servers)) poolMemory(connection);
    return connection;
  } catch (cause) {
    const message = `cannot connect to NATS at ${serverNames(servers)}: ${connectReason(cause, servers)}`;
    throw new ThroughlineError('broker-unavailable', message, { cause });
  }
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

/** What the NATS client keeps of its servers, and how it knows the pause before it connects again (nats-core 3.4.0). */
interface Reconnecting {
  readonly options: { reconnectDelayHandler(): number };
  readonly servers: { getServers(): { lastConnect: number }[] };
}

/**
 * Lets the client connect again after a pause, whatever the clock of the machine says. The client remembers when it connected last. If
 * the clock is set back after that, it would wait until the clock is there again.
 */
function pauseByNoClock(connection: NatsConnection): void {
  const { options, servers } = (connection as unknown as { readonly protocol: Reconnecting }).protocol;
  const pauseMs = options.reconnectDelayHandler;
  options.reconnectDelayHandler = () => {
    const now = Date.now();
    for (const server of servers.getServers()) server.lastConnect = Math.min(server.lastConnect, now);
    return pauseMs();
  };
}

/**
 * Closes a connection when the broker has all that was sent, or after three seconds.
 * @returns why the broker may not have all of it; undefined if it has
 */
export async function closeConnection(connection: NatsConnection): Promise<string | undefined> {
  const late = (): Error => new Error('the broker did not answer in time');
  try {
    await withDeadline(connection.drain(), DRAIN_TIMEOUT_MS, late);
    return undefined;
  } catch (thrown) {
    await connection.close();
    return describeThrown(thrown);
  }
}
