import { type Msg, type MsgHdrs, type NatsConnection, TimeoutError } from '@nats-io/nats-core';
import { Deadlines } from '../../../shared/nats/client/deadlines.ts';
import type { MuxRequests, WaitingRequest } from '../../../shared/nats/client/mux-requests.ts';

const NO_MESSAGE = {} as Msg;

/**
 * Sends requests and waits for their answers, on the same inbox as the `request` of the NATS client. A request here costs one promise,
 * and no timer of its own. Every submission is such a request.
 */
export class Requests {
  readonly #connection: NatsConnection;
  readonly #mux: MuxRequests<Msg>;
  readonly #inTime: Deadlines;
  readonly #waiting = new Set<WaitingRequest<Msg>>();
  /** The last answer, so that one is alive: V8 discards compiled code for a kind of objects when it has collected all of them. */
  keptAnswer: Msg | undefined;
  /** The number in the next token. Tokens begin with `-`, which the client's own tokens do not have. */
  #next = 0;

  /** @param patienceMs how long an answer may take */
  constructor(connection: NatsConnection, patienceMs: number) {
    this.#connection = connection;
    this.#mux = (connection as unknown as { readonly protocol: MuxRequests<Msg> }).protocol;
    this.#inTime = new Deadlines(patienceMs);
  }

  /**
   * Sends a request.
   * @param isLast for a request with several answers: gets each of them, and says whether it is the last one
   * @returns the last answer
   * @throws an error of the NATS client; what {@link endAll} is given
   */
  send(
    subject: string,
    body: Uint8Array | string,
    headers?: MsgHdrs,
    isLast?: (answer: Msg) => boolean,
  ): Promise<Msg> {
    return new Promise((resolve, reject) => {
      const request: WaitingRequest<Msg> = {
        token: `-${this.#next++}`,
        requestSubject: subject,
        received: 0,
        resolver: (error, message) => {
          if (error === null && isLast?.(message) === false) return;
          this.#forget(request);
          this.keptAnswer = message;
          if (error === null) resolve(message);
          else reject(error);
        },
      };
      try {
        this.#mux.request(request);
        this.#waiting.add(request);
        this.#inTime.add(request, () => request.resolver(new TimeoutError(), NO_MESSAGE));
        const reply = `${this.#mux.muxSubscriptions.baseInbox}${request.token}`;
        this.#connection.publish(subject, body, headers === undefined ? { reply } : { reply, headers });
      } catch (thrown) {
        this.#forget(request);
        reject(thrown);
      }
    });
  }

  /** Ends all requests that wait. */
  endAll(error: Error): void {
    for (const request of [...this.#waiting]) request.resolver(error, NO_MESSAGE);
  }

  #forget(request: WaitingRequest<Msg>): void {
    this.#mux.muxSubscriptions.cancel(request);
    this.#waiting.delete(request);
    this.#inTime.delete(request);
  }
}
