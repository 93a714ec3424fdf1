import type { JsMsg } from '@nats-io/jetstream';
import type { Msg } from '@nats-io/transport-node';
import { NANOS_PER_MS } from '../../../shared/nats/streams.ts';
import type { Stopwatch } from './stopwatch.ts';

/** The part of a message of JetStream that a worker uses. */
export type PulledMessage = Pick<
  JsMsg,
  'subject' | 'headers' | 'data' | 'seq' | 'time' | 'ack' | 'nak' | 'term' | 'working'
> & {
  readonly info: Pick<JsMsg['info'], 'deliveryCount' | 'pending'>;
};

const ACK = Buffer.from('+ACK');
const NAK = Buffer.from('-NAK');
const WORKING = Buffer.from('+WPI');

/** How many tokens the reply subject has. Newer servers add a domain and a hash of the account, and may add one token at the end. */
const TOKENS = 9;
const TOKENS_WITH_DOMAIN = 11;
const FIRST = '$JS';

/**
 * Makes a message of JetStream of one that came to the inbox of a pull. The NATS client (jetstream 3.4.0) has this too, and does not
 * export it.
 * @throws Error if its reply subject is not one of JetStream
 */
export function pulledMessage(message: Msg): PulledMessage {
  return new Pulled(message);
}

class Pulled implements PulledMessage {
  readonly #message: Msg;
  readonly info: PulledMessage['info'];
  readonly seq: number;
  readonly time: Date;
  #isAnswered = false;

  constructor(message: Msg) {
    this.#message = message;
    const tokens = message.reply?.split('.') ?? [];
    const domain = tokens.length === TOKENS ? 0 : TOKENS_WITH_DOMAIN - TOKENS;
    if (tokens[0] !== FIRST || tokens.length < TOKENS + domain)
      throw new Error('a pull brought a message that is not of JetStream');
    const [deliveryCount, seq, , nanos, pending] = tokens.slice(4 + domain, TOKENS + domain).map(Number);
    this.info = { deliveryCount: deliveryCount ?? 0, pending: pending ?? 0 };
    this.seq = seq ?? 0;
    this.time = new Date(Math.floor((nanos ?? 0) / NANOS_PER_MS));
  }

  get subject(): string {
    return this.#message.subject;
  }

  get headers(): Msg['headers'] {
    return this.#message.headers;
  }

  get data(): Uint8Array {
    return this.#message.data;
  }

  ack(): void {
    this.#answer(ACK);
  }

  nak(delayMs?: number): void {
    const isAtOnce = delayMs === undefined || delayMs === 0;
    this.#answer(isAtOnce ? NAK : Buffer.from(`-NAK {"delay":${Math.round(delayMs * NANOS_PER_MS)}}`));
  }

  term(reason = ''): void {
    this.#answer(Buffer.from(reason === '' ? '+TERM' : `+TERM ${reason}`));
  }

  working(): void {
    if (!this.#isAnswered) this.#message.respond(WORKING);
  }

  #answer(answer: Uint8Array): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#message.respond(answer);
  }
}

/** A message, and what is known about the pull that brought it. */
export interface Received {
  readonly message: PulledMessage;
  /** Runs since the pull was opened. */
  readonly asked: Stopwatch;
  /** The largest sequence in the stream that the consumer had delivered here before the pull was opened. */
  readonly after: number;
}
