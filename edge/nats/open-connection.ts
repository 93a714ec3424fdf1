import {
  type Authenticator,
  jwtAuthenticator,
  type NatsConnection,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
  wsconnect,
} from '@nats-io/nats-core';
import type { BrokerAddress } from '../../shared/nats/broker-address.ts';
import { loginOf, readCredentials } from '../../shared/nats/broker-login.ts';
import { INBOX } from '../../shared/wire/subjects.ts';
import { type Dialled, dialInTurn } from './dial-in-turn.ts';

/** After two pings without an answer the connection is closed, as the server does with a silent client. */
const PING_INTERVAL_MS = 10_000;
const MAX_PINGS_OUT = 2;
/** How long a silent server may keep the next one of the list waiting. */
const MAX_PATIENCE_MS = 500;

/** Where NATS is, and how to log in: settings of the edge. */
export interface BrokerSettings {
  readonly NATS_URL: BrokerAddress;
  readonly NATS_USER?: string | undefined;
  readonly NATS_PASSWORD?: string | undefined;
  readonly NATS_TOKEN?: string | undefined;
  readonly NATS_CREDS?: string | undefined;
  readonly BROKER_TIMEOUT_MS: number;
}

/**
 * Opens a connection to the first server of `NATS_URL` that answers. The connection does not reconnect by itself.
 * @param name shown in the server's list of connections
 * @param lastServer is tried first: the server of the connection before
 * @throws an error of the NATS client
 */
export function openConnection(
  settings: BrokerSettings,
  name: string,
  lastServer: string | undefined,
): Promise<Dialled<NatsConnection>> {
  const { servers } = settings.NATS_URL;
  const inOrder = [...new Set(lastServer === undefined ? servers : [lastServer, ...servers])];
  return dialInTurn(inOrder, {
    dial: (server) => dial(server, settings, name),
    close: (connection) => void connection.close(),
    // Every server gets a turn before the time is up.
    patienceMs: Math.min(MAX_PATIENCE_MS, settings.BROKER_TIMEOUT_MS / (servers.length + 1)),
  });
}

async function dial(server: string, settings: BrokerSettings, name: string): Promise<NatsConnection> {
  const authenticator = authenticatorOf(settings);
  let isOpen = false;
  let fault: string | undefined;
  return await wsconnect({
    wsFactory: async (url) => {
      const socket = new WebSocket(url);
      socket.addEventListener('open', () => (isOpen = true));
      socket.addEventListener('error', ({ message }) => (fault = message));
      return { socket, encrypted: url.startsWith('wss:') };
    },
    servers: server,
    name,
    inboxPrefix: INBOX.edge,
    timeout: settings.BROKER_TIMEOUT_MS,
    reconnect: false,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: MAX_PINGS_OUT,
    // A cluster sends the inner addresses of its members, which cannot be reached from outside.
    ignoreClusterUpdates: true,
    noAsyncTraces: true,
    ...(authenticator === undefined ? {} : { authenticator }),
  }).catch((thrown) => {
    // The client calls all that keeps a socket from opening a refused connection.
    throw isOpen || fault === undefined ? thrown : new Error(faultText(fault));
  });
}

/** Why no WebSocket opens. @param message of the event, as workerd writes it */
function faultText(message: string): string {
  // All that workerd says about a certificate that it does not accept, and about a name that does not resolve.
  const guess = message.includes('internal error') ? ' (it may be the certificate, or the name)' : '';
  return `no WebSocket opens there: ${message.replace('Uncaught ', '')}${guess}`;
}

function authenticatorOf(settings: BrokerSettings): Authenticator | undefined {
  const credentials = readCredentials(settings.NATS_CREDS ?? '');
  if (credentials !== undefined)
    return jwtAuthenticator(credentials.jwt, new TextEncoder().encode(credentials.seed));
  const login = loginOf(settings);
  if (login === undefined) return undefined;
  return 'token' in login
    ? tokenAuthenticator(login.token)
    : usernamePasswordAuthenticator(login.user, login.password);
}
