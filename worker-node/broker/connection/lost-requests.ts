import type { Msg, NatsConnection } from '@nats-io/transport-node';
import type { WaitingRequest } from '../../../shared/nats/client/mux-requests.ts';
import { statusesOf } from './statuses.ts';

/** The connection was lost before the answer to a request came. NATS may have done what it was asked for. */
class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';

  constructor() {
    super('the connection was lost');
  }
}

/** What the NATS client does before each connect, and the requests that wait for an answer (nats-core 3.4.0). */
interface Connecting {
  resetOutbound(): void;
  readonly muxSubscriptions: { all(): WaitingRequest<Msg>[] };
}

const NO_MESSAGE = {} as Msg;

/**
 * Ends, at each return of a connection, the requests whose answers cannot come: those of the connection before, and those that the
 * client threw away, with all else that it had not sent, before it connected again. The client itself lets them wait until their
 * time is over.
 */
export async function endLostRequests(connection: NatsConnection): Promise<void> {
  const { protocol } = connection as unknown as { readonly protocol: Connecting };
  let lost: readonly WaitingRequest<Msg>[] = [];
  const reset = protocol.resetOutbound.bind(protocol);
  protocol.resetOutbound = () => {
    reset();
    lost = protocol.muxSubscriptions.all();
  };
  for await (const { type } of statusesOf(connection)) {
    if (type !== 'reconnect') continue;
    for (const request of lost) request.resolver(new ConnectionLostError(), NO_MESSAGE);
    lost = [];
  }
}

/** Whether a request has no answer because the connection was lost. Looks into the causes too, since the client wraps them. */
export function isConnectionLost(thrown: unknown): boolean {
  if (thrown instanceof ConnectionLostError) return true;
  return thrown instanceof Error && thrown.cause !== undefined && isConnectionLost(thrown.cause);
}
