import type { NatsConnection } from '@nats-io/transport-node';
import { describeThrown } from '../../../shared/errors.ts';
import { usesWebSocket } from '../../../shared/nats/broker-address.ts';

export const JETSTREAM_OFF =
  'JetStream is off in nats-server, or for this account: its configuration needs jetstream { store_dir: … }; after a full disk, restart nats-server';

/** A server with too many clients says so and hangs up. The client (nats-core 3.4.0) does not pass that on. */
const MAYBE_FULL = 'Or has the server as many clients as its max_connections allows?';

/** Both look like silence to the client: the server waits for what a worker does not send. */
const MAYBE_STRICT =
  'Does its tls block want certificates of its clients (verify), or TLS before all else (handshake_first)? Workers do neither.';

/** What the client and Node say about a certificate, and what to do. */
const CERTIFICATES: readonly (readonly [RegExp, string])[] = [
  [
    /self.signed certificate|unable to (?:verify|get).*certificate/i,
    'its certificate is not one that this machine trusts; NODE_EXTRA_CA_CERTS names the file of your CA',
  ],
  [/altnames/i, 'its certificate is for another host name than that in NATS_URL'],
  [/certificate has expired/i, 'its certificate has expired'],
];

/** What the NATS client throws, as far as it says why there is no connection. */
interface Thrown {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
}

/** Why there is no connection to NATS: the end of a sentence. @param cause what the NATS client threw */
export function connectReason(cause: unknown, servers: readonly string[]): string {
  const { name, message, code } = thrownOf(cause);
  if (code === 'ENOTFOUND') return 'no such host';
  if (code === 'EAI_AGAIN') return 'the host name cannot be looked up now';
  if (String(message).includes("does not support 'tls'"))
    return 'the server does not encrypt; turn TLS on in nats-server, or use nats://';
  const certificate = CERTIFICATES.find(([pattern]) => pattern.test(String(message)));
  if (certificate !== undefined) return certificate[1];
  // A WebSocket does not say why it did not open.
  if (usesWebSocket(servers) && (name === 'ConnectionError' || name === 'TimeoutError'))
    return `no WebSocket opens there; is the port that of the websocket block of nats-server, and does it encrypt (wss://) or not (ws://)? ${MAYBE_FULL}`;
  if (name === 'TimeoutError')
    return `no answer of a nats-server in time; is it its port for clients? That of WebSockets needs ws:// or wss://. ${MAYBE_STRICT} ${MAYBE_FULL}`;
  return describeThrown(cause);
}

function thrownOf(cause: unknown): Thrown {
  return typeof cause === 'object' && cause !== null ? cause : {};
}

/** What the NATS client does to connect to a server (nats-core 3.4.0). It does not show it. */
interface Dialling {
  _doDial(server: unknown): Promise<void>;
  /** The last thing that a server refused. */
  lastError?: Error | undefined;
}

/**
 * Tells why each attempt to connect again fails. The client tells nobody, and tries the next server.
 * @param tell gets the reason, and whether it is the first attempt since the loss that failed for it: there may be two a second, for hours
 */
export function onFailedConnect(
  connection: NatsConnection,
  servers: readonly string[],
  tell: (reason: string, isNew: boolean) => void,
): void {
  const { protocol } = connection as unknown as { readonly protocol: Dialling };
  const dial = protocol._doDial.bind(protocol);
  const told = new Set<string>();
  protocol._doDial = async (server) => {
    // What a server says before it hangs up is only here. The attempt itself fails when its time is over.
    protocol.lastError = undefined;
    try {
      await dial(server);
      told.clear();
    } catch (thrown) {
      // The client throws nothing at all when this program closes the connection meanwhile.
      if (thrown === undefined) throw thrown;
      const reason = connectReason(protocol.lastError ?? thrown, servers);
      tell(reason, !told.has(reason));
      told.add(reason);
      throw thrown;
    }
  };
}
