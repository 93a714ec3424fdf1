import {
  type Authenticator,
  connect,
  credsAuthenticator,
  type NatsConnection,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from 'nats.ws';
import { INBOX } from '../../shared/wire/subjects.ts';
import type { EdgeConfig } from '../config.ts';

/** The server hangs up on a silent client after two missed pings; so do we on a silent server. */
const PING_INTERVAL_MS = 10_000;
const MAX_PINGS_OUT = 2;

export type BrokerSettings = Pick<
  EdgeConfig,
  'NATS_URL' | 'NATS_USER' | 'NATS_PASSWORD' | 'NATS_TOKEN' | 'NATS_CREDS' | 'BROKER_TIMEOUT_MS'
>;

/** Opens a connection to NATS that ends where it is lost. @throws NatsError */
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
    // A cluster tells its members' inner addresses, which mean nothing out here.
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
