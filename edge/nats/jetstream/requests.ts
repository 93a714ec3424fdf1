import { type Msg, type MsgHdrs, type NatsConnection, TimeoutError } from '@nats-io/nats-core';
import { Deadlines } from '../../../shared/nats/client/deadlines.ts';
import type { MuxRequests, WaitingRequest } from '../../../shared/nats/client/mux-requests.ts';

const NO_MESSAGE = {} as Msg;

/**
 * Sends requests and waits for their answers. As the `request` of the NATS client, and on the same inbox: but a request costs one
 * promise and no timer of its own. Every submit is one.
 */
export class Requests {
  readonly #connection: NatsConnection;
  readonly #mux: MuxRequests<Msg>;
  readonly #inTime: Deadlines;
  readonly #waiting = new Set<WaitingRequest<Msg>>();
  /** The last one. V8 throws compiled code away that knows a kind of objects, if none of them is alive at a garbage collection. */
  keptAnswer: Msg | undefined;
  /** For the tokens: those of the client have no `-`. */
  #next = 0;

  /** @param patienceMs how long an answer may take */
  constructor(connection: NatsConnection, patienceMs: number) {
    this.#connection = connection;
    this.#mux = (connection as unknown as { readonly protocol: MuxRequests<Msg> }).protocol;
    this.#inTime = new Deadlines(patienceMs);
  }

  /**
   * @param isLast whether an answer is the last one, if there may be several; it is given each of them
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
