import { createHash } from 'node:crypto';

/** Names of headers that a server adds or changes on the way of a message. */
const CHANGING = /^(?:Nats-Trace-|Nats-Request-Info$)/i;
const NO_ID = '0'.repeat(16);

/**
 * The ids of the spans of one message. They follow from what the servers say, so no event has to wait for another one: the
 * event of the next server names its hop, and so the span of the egress that sent the message there.
 */
export class SpanIds {
  readonly #message: string;
  readonly #server: string;

  /**
   * @param headers of the message: with its trace context and its id they tell it from others, on all servers
   * @param arrival tells one arrival of the message at one server from all others
   */
  constructor(headers: Readonly<Record<string, readonly string[]>>, arrival: readonly unknown[]) {
    const kept = Object.entries(headers).filter(([name]) => !CHANGING.test(name));
    this.#message = JSON.stringify(kept.sort(([one], [other]) => (one < other ? -1 : 1)));
    this.#server = JSON.stringify([this.#message, ...arrival]);
  }

  /** The id of the span for the server's part. */
  get ingress(): string {
    return idOf(this.#server);
  }

  /** The id of the span of a step. @param place counted from 0 */
  step(place: number): string {
    return idOf(this.#server, place);
  }

  /** The id of the span of the egress to another server. @param hop such as `1.2` */
  hop(hop: string): string {
    return idOf(this.#message, 'hop', hop);
  }
}

function idOf(...parts: readonly (string | number)[]): string {
  const id = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, NO_ID.length);
  return id === NO_ID ? '1'.repeat(NO_ID.length) : id;
}
