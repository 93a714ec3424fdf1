import type { JsMsg } from '@nats-io/jetstream';
import type { Priority } from '../../../shared/job/priority.ts';
import type { DurableConsumer } from './durable-consumer.ts';
import { Pull } from './pull.ts';
import { Stopwatch } from './stopwatch.ts';

/** A consumer, and how its messages share the slots of a host with those of other consumers. */
export interface LaneSource {
  readonly consumer: Pick<DurableConsumer, 'get' | 'forget' | 'createdMs'>;
  readonly priority: Priority;
  /** Whether its messages may not take the slots that are reserved for the others. */
  readonly isBulk: boolean;
}

/** A message, and what is known about the pull that brought it. */
export interface Received {
  readonly message: JsMsg;
  /** Runs since the pull was opened. */
  readonly asked: Stopwatch;
  /** The largest sequence in the stream that the consumer had delivered here before the pull was opened. */
  readonly after: number;
}

/** What a lane tells the loop that it belongs to. */
interface LaneListener {
  readonly onMessage: (lane: Lane, received: Received) => void;
  /** A pull has ended without an error. `answered`: the server may have ended it, and not this host. */
  readonly onEnd: (answered: boolean) => void;
  readonly onFailure: (thrown: unknown) => void;
}

/** What kind of request for messages it is. */
interface RequestKind {
  /** Whether it waits for messages that may come. */
  readonly isProbe?: boolean;
  /** Whether it comes after a failure. If it brings nothing, the consumer is looked up again before the next request. */
  readonly isTrial: boolean;
}

/** A request for messages, from the moment at which it is made. */
interface Request extends RequestKind {
  left: number;
  /** Whether it ends as soon as its pull is open. */
  isUnwanted: boolean;
  pull?: Pull;
  done: Promise<void>;
}

/** One consumer that a host pulls from: its open pulls, and what is known about the messages that wait. */
export class Lane {
  readonly source: LaneSource;
  /** Messages that wait for a slot of this host. */
  readonly held: Received[] = [];
  /** Lets deliveries of this lane in again that gave their slot back. */
  readonly returning: (() => void)[] = [];
  /** How many messages the server had left for this consumer, as far as is known. */
  backlog = 0;
  readonly #listener: LaneListener;
  readonly #requests = new Set<Request>();
  /** The largest sequence of a message that came here since the consumer was looked up. */
  #reached = 0;
  #isStopped = false;

  constructor(source: LaneSource, listener: LaneListener) {
    this.source = source;
    this.#listener = listener;
  }

  /** Whether something here waits for a slot. */
  get isWaiting(): boolean {
    return this.returning.length > 0 || this.held.length > 0;
  }

  /** How many messages the open pulls may still bring. */
  get requested(): number {
    let requested = 0;
    for (const { left, pull } of this.#requests) requested += pull?.left ?? left;
    return requested;
  }

  /** How many messages are known to wait at the server, and are not asked for. */
  get demand(): number {
    return Math.max(0, this.backlog - this.requested);
  }

  /** Asks for messages. They are given to the listener until the pull expires. Never throws. */
  request(count: number, expiresMs: number, kind: RequestKind): void {
    const request: Request = { ...kind, left: count, isUnwanted: false, done: Promise.resolve() };
    this.#requests.add(request);
    request.done = this.#take(request, expiresMs);
  }

  /** Ends the pulls that wait for messages that may come. */
  endProbes(): void {
    for (const request of this.#requests) {
      if (request.isProbe !== true) continue;
      request.isUnwanted = true;
      void request.pull?.end();
    }
  }

  /** Looks the consumer up again before the next request, and ends the pulls that wait: the server may have lost them. */
  renew(): void {
    this.#forget();
    this.endProbes();
  }

  /** Ends the open pulls. Messages that still come are handed back. No later request brings any. */
  async end(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([...this.#requests].map((request) => endRequest(request)));
  }

  async #take(request: Request, expiresMs: number): Promise<void> {
    try {
      const found = await this.source.consumer.get();
      if (this.#isStopped) return;
      const asked = new Stopwatch();
      const after = this.#reached;
      const messages = await found.fetch({ max_messages: request.left, expires: expiresMs });
      request.pull = new Pull(messages, request.left);
      // The lane or its probes may have been ended while the pull was opened.
      if (this.#isStopped || request.isUnwanted) void request.pull.end();
      await request.pull.takeAll((message) => this.#receive({ message, asked, after }));
      if (request.pull.left > 0) this.backlog = 0;
      // A consumer that is gone answers nothing, and a short pull then ends by the clock of the client, as if all were well.
      if (request.isTrial && request.pull.left === request.left) this.#forget();
      this.#listener.onEnd(!request.isUnwanted);
    } catch (thrown) {
      // The consumer may be deleted.
      this.#forget();
      this.#listener.onFailure(thrown);
    } finally {
      this.#requests.delete(request);
    }
  }

  #receive(received: Received): void {
    const { message, after } = received;
    this.backlog = message.info.pending;
    if (message.seq <= after && message.info.deliveryCount === 1) this.#forget();
    else this.#reached = Math.max(this.#reached, message.seq);
    this.#listener.onMessage(this, received);
  }

  /** A consumer that was deleted and created again counts from the start, and the server tells only the pulls that are open. */
  #forget(): void {
    this.source.consumer.forget();
    this.#reached = 0;
  }
}

async function endRequest({ pull, done }: Request): Promise<void> {
  await pull?.end();
  await done;
}
