import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { startTimer } from '../../../shared/timers.ts';
import { type HeaderValues, headerValues } from '../../../shared/wire/headers.ts';

/** What programs publish about jobs. Refused messages are on the tape too. */
const HEARD = ['events.>', 'dead.>', 'callbacks.>', '$JS.ACK.>', '$KV.HOSTS.>', 'jobs.>'];

/** A message as a program published it. */
export interface Heard {
  /** Its place on the tape. */
  readonly place: number;
  readonly atMs: number;
  readonly subject: string;
  readonly values: HeaderValues;
  readonly names: readonly string[];
  readonly data: Uint8Array;
  /** The subject that its publisher waits for an answer on; empty if it does not wait. */
  readonly reply: string;
}

/** Records what is published, in the order in which nats-server takes it. */
export class Tape {
  readonly #heard: Heard[] = [];
  readonly #waiting = new Set<() => void>();

  /** Listens from the moment it resolves. */
  static async start(connection: NatsConnection): Promise<Tape> {
    const tape = new Tape();
    for (const subject of HEARD)
      connection.subscribe(subject, {
        callback: (error, message) => {
          if (error === null) tape.#take(message);
        },
      });
    await connection.flush();
    return tape;
  }

  /** All messages so far, oldest first. */
  get all(): readonly Heard[] {
    return this.#heard;
  }

  /** Resolves at the next message, or after `ms`. */
  async next(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = startTimer(ms, resolve);
    this.#waiting.add(resolve);
    await promise;
    timer.stop();
    this.#waiting.delete(resolve);
  }

  #take({ subject, headers, data, reply = '' }: Msg): void {
    const place = this.#heard.length;
    const names = headers?.keys() ?? [];
    this.#heard.push({
      place,
      atMs: Date.now(),
      subject,
      names,
      data,
      reply,
      values: headerValues(headers),
    });
    for (const resolve of this.#waiting) resolve();
  }
}
