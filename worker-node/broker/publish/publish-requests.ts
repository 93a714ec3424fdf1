import { JetStreamApiError, type JetStreamClient, JetStreamError, type PubAck } from '@nats-io/jetstream';
import { jserrors } from '@nats-io/jetstream/internal';
import { errors, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { Deadlines } from '../../../shared/nats/client/deadlines.ts';
import type { MuxRequests, WaitingRequest } from '../../../shared/nats/client/mux-requests.ts';

/** As in the NATS client. */
const PATIENCE_MS = 5_000;

/**
 * Publishes messages that JetStream stores, as `publish` of the NATS client does, and on the same inbox. But a message costs one
 * promise and no timer of its own. A worker publishes two messages for each job.
 */
export class PublishRequests implements Pick<JetStreamClient, 'publish'> {
  readonly #connection: NatsConnection;
  readonly #requests: MuxRequests<Msg>;
  readonly #inTime: Deadlines;
  /** Numbers the tokens of requests. Those of the client have no `-`. */
  #next = 0;

  /** @param patienceMs how long JetStream may take to store a message */
  constructor(connection: NatsConnection, patienceMs = PATIENCE_MS) {
    this.#connection = connection;
    this.#inTime = new Deadlines(patienceMs);
    this.#requests = (connection as unknown as { readonly protocol: MuxRequests<Msg> }).protocol;
  }

  /**
   * Rejects as the NATS client does: `TimeoutError`, `RequestError`, `JetStreamNotEnabled`, `JetStreamApiError`, and what its
   * `publish` throws.
   * @param options only `headers` counts
   */
  publish: JetStreamClient['publish'] = (subject, body, options) => {
    const { promise, resolve, reject } = Promise.withResolvers<PubAck>();
    const waiting: WaitingRequest<Msg> = {
      token: `-${this.#next++}`,
      requestSubject: subject,
      received: 0,
      resolver: (error, message) => {
        this.#forget(waiting);
        if (error !== null) return reject(refusalOf(error));
        try {
          resolve(readAck(message));
        } catch (thrown) {
          reject(thrown);
        }
      },
    };
    try {
      this.#requests.request(waiting);
      this.#inTime.add(waiting, () => waiting.resolver(new errors.TimeoutError(), NO_MESSAGE));
      const reply = `${this.#requests.muxSubscriptions.baseInbox}${waiting.token}`;
      const { headers } = options ?? {};
      this.#connection.publish(subject, body, headers === undefined ? { reply } : { reply, headers });
    } catch (thrown) {
      this.#forget(waiting);
      reject(thrown);
    }
    return promise;
  };

  #forget(waiting: WaitingRequest<Msg>): void {
    this.#requests.muxSubscriptions.cancel(waiting);
    this.#inTime.delete(waiting);
    // The map of the client may hold it in the memory for long (shared/memory/renewed-map.ts), but not what it leads to.
    waiting.resolver = forgotten;
  }
}

const NO_MESSAGE = {} as Msg;
const forgotten = (): void => undefined;
const decoder = new TextDecoder();

/** @throws JetStreamApiError if JetStream refused the message */
function readAck({ data }: Msg): PubAck {
  const answer = JSON.parse(decoder.decode(data));
  if (answer.error !== undefined) throw new JetStreamApiError(answer.error);
  if (typeof answer.stream !== 'string' || answer.stream === '')
    throw new JetStreamError('invalid ack response');
  return {
    stream: answer.stream,
    seq: answer.seq,
    duplicate: answer.duplicate === true,
    domain: answer.domain,
  };
}

/** What the NATS client makes of an error, for a request and then for a publish to JetStream. */
function refusalOf(error: Error): Error {
  if (error instanceof errors.TimeoutError) return error;
  const refusal = new errors.RequestError(error.message, { cause: error });
  return refusal.isNoResponders()
    ? new jserrors.JetStreamNotEnabled('jetstream is not enabled', { cause: refusal })
    : refusal;
}
