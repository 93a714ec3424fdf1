import {
  type Authenticator,
  connect,
  credsAuthenticator,
  type NatsConnection,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from 'nats.ws';
import { INBOX } from '../../shared/wire/subjects.ts';

/** After two pings without an answer the connection is closed, as the server does with a silent client. */
const PING_INTERVAL_MS = 10_000;
const MAX_PINGS_OUT = 2;

/** Where NATS is, and how to log in: settings of the edge. */
export interface BrokerSettings {
  readonly NATS_URL: string;
  readonly NATS_USER?: string | undefined;
  readonly NATS_PASSWORD?: string | undefined;
  readonly NATS_TOKEN?: string | undefined;
  readonly NATS_CREDS?: string | undefined;
  readonly BROKER_TIMEOUT_MS: number;
}

/** Opens a connection to NATS that does not reconnect by itself. @throws NatsError */
export function openConnection(settings: BrokerSettings, name: string): Promise<NatsConnection> {
  const authenticator = authenticatorOf(settings);
  return connect({
    servers: settings.NATS_URL,
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
  });
}

function authenticatorOf(settings: BrokerSettings): Authenticator | undefined {
  const { NATS_CREDS, NATS_TOKEN, NATS_USER, NATS_PASSWORD } = settings;
  if (NATS_CREDS !== undefined) return credsAuthenticator(new TextEncoder().encode(NATS_CREDS));
  if (NATS_TOKEN !== undefined) return tokenAuthenticator(NATS_TOKEN);
  if (NATS_USER !== undefined) return usernamePasswordAuthenticator(NATS_USER, NATS_PASSWORD);
  return undefined;
}
