import { readFile } from 'node:fs/promises';
import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import type { WorkerConfig } from '../config.ts';

/** One pause after which the client tries again, with jitter: many workers must not come back at the same instant. */
const RECONNECT_WAIT_MS = 500;
const RECONNECT_JITTER_MS = 500;

/** What of the worker's settings says where NATS is, and who asks. */
export type ConnectConfig = Pick<
  WorkerConfig,
  'NATS_URL' | 'NATS_USER' | 'NATS_PASSWORD' | 'NATS_TOKEN' | 'NATS_CREDS_FILE' | 'WORKER_NAME'
>;

/**
 * Connects to NATS and stays connected: a lost connection is taken up again for as long as the worker lives.
 * @param inboxPrefix first words of the subjects on which this connection gets answers
 * @throws ThroughlineError `broker-unavailable` naming the URL when the first connection fails, `config-invalid`
 *   when the credentials file cannot be read
 */
export async function connectBroker(config: ConnectConfig, inboxPrefix: string): Promise<NatsConnection> {
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
    throw new ThroughlineError(
      'broker-unavailable',
      `cannot connect to NATS at ${config.NATS_URL}: ${describeThrown(cause)}`,
      { cause },
    );
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
