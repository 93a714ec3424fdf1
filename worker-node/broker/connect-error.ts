import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import { serverNames, usesWebSocket } from '../../shared/nats/broker-address.ts';

/** What the NATS client throws, as far as it says why there is no connection. */
interface Thrown {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
}

/**
 * The error for a connection that did not come about.
 * @param cause what the NATS client threw
 * @returns `config-invalid` if the credentials file cannot be right, else `broker-unavailable` naming the servers
 */
export function connectError(cause: unknown, servers: readonly string[]): ThroughlineError {
  const { code } = thrownOf(cause);
  if (String(code).startsWith('nkeys:'))
    return new ThroughlineError('config-invalid', 'NATS_CREDS_FILE: the seed in the file is not valid', {
      cause,
    });
  const message = `cannot connect to NATS at ${serverNames(servers)}: ${reasonOf(cause, servers)}`;
  return new ThroughlineError('broker-unavailable', message, { cause });
}

function reasonOf(cause: unknown, servers: readonly string[]): string {
  const { name, message, code } = thrownOf(cause);
  if (code === 'ENOTFOUND') return 'no such host';
  if (code === 'EAI_AGAIN') return 'the host name cannot be looked up now';
  if (String(message).includes("does not support 'tls'"))
    return 'the server does not encrypt; turn TLS on in nats-server, or use nats://';
  // A WebSocket does not say why it did not open.
  if (usesWebSocket(servers) && (name === 'ConnectionError' || name === 'TimeoutError'))
    return 'no WebSocket opens there; is the port that of the websocket block of nats-server, and does it encrypt (wss://) or not (ws://)?';
  if (name === 'TimeoutError')
    return 'no answer of a nats-server in time; is it its port for clients? That of WebSockets needs ws:// or wss://';
  return describeThrown(cause);
}

function thrownOf(cause: unknown): Thrown {
  return typeof cause === 'object' && cause !== null ? cause : {};
}
