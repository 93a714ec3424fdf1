import type { Consumer } from '@nats-io/jetstream';
import { valueWithin } from '../../../shared/deadline.ts';
import type { Priority } from '../../../shared/job/priority.ts';
import type { DurableConsumer } from './durable-consumer.ts';
import type { HeldMessage } from './held-message.ts';
import { fetched, Pull, type PulledMessages } from './pull.ts';
import type { PullInboxes } from './pull-inboxes.ts';
import type { Received } from './pulled-message.ts';
import { Stopwatch } from './stopwatch.ts';

/**
 * The longest pull in a cluster. The server that answers a pull may be another one than that of this host, and may never learn that
 * nobody waits for the answer any more: it then delivers a message to nobody, which comes again only after its ack wait. So a pull
 * there is not ended, but ends by itself.
 */
const CLUSTER_PULL_MS = 5_000;
/** A pull in a cluster that is open for longer was forgotten by its server. */
const FORGOTTEN_MS = 6_000;

/** A consumer, and how its messages share the slots of a host with those of other consumers. */
export interface LaneSource {
  readonly consumer: Pick<DurableConsumer, 'get' | 'forget' | 'createdMs' | 'ackWaitMs' | 'isClustered'> & {
    /** Asks it for messages that are known to wait. Undefined: they are fetched like those that may come. */
    readonly inboxes?: Pick<PullInboxes, 'ask'>;
  };
  readonly priority: Priority;
  /** Whether its messages may not take the slots that are reserved for the others. */
  readonly isBulk: boolean;
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
  /** Whether the server may have forgotten it. It counts no longer, but may still bring messages. */
  isLost: boolean;
  pull?: Pull;
  done: Promise<void>;
}

/** One consumer that a host pulls from: its open pulls, and what is known about the messages that wait. */
export class Lane {
  readonly source: LaneSource;
  /** Messages that wait for a slot of this host. */
  readonly held: HeldMessage[] = [];
  /** Lets deliveries of this lane in again that gave their slot back. */
  readonly returning: (() => void)[] = [];
  /** How many messages the server had left for this consumer, as far as is known. */
  backlog = 0;
  readonly #listener: LaneListener;
  readonly #requests = new Set<Request>();
  /** The largest sequence of a message that came here since the consumer was looked up. */
  #reached = 0;
  /** Whether the probes, in a cluster, hand back what they bring. */
  #isPaused = false;
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
    for (const { left, pull, isLost } of this.#requests) if (!isLost) requested += pull?.left ?? left;
    return requested;
  }

  /** How many messages are known to wait at the server, and are not asked for. */
  get demand(): number {
    return Math.max(0, this.backlog - this.requested);
  }

  /** Asks for messages. They are given to the listener until the pull expires. Never throws. */
  request(count: number, expiresMs: number, kind: RequestKind): void {
    const request: Request = {
      ...kind,
      left: count,
      isUnwanted: false,
      isLost: false,
      done: Promise.resolve(),
    };
    this.#requests.add(request);
    request.done = this.#take(request, expiresMs);
  }

  /** Ends the pulls that wait for messages that may come, or lets them hand back what they bring. */
  endProbes(): void {
    this.#isPaused = this.source.consumer.isClustered;
    for (const request of this.#probes()) {
      if (this.#isPaused) request.pull?.pause();
      else endSoon(request);
    }
  }

  /** Undoes {@link endProbes} for the pulls that have not ended. */
  resumeProbes(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    for (const { pull } of this.#probes()) pull?.resume();
  }

  /** Looks the consumer up again before the next request. The server may have lost the pulls that wait. */
  renew(): void {
    this.#forget();
    const { isClustered } = this.source.consumer;
    // Of lanes that fail again and again, one generation of lost pulls is open at a time.
    if (isClustered && [...this.#requests].some(({ isLost }) => isLost)) return;
    for (const request of this.#probes()) {
      if (isClustered) request.isLost = true;
      else endSoon(request);
    }
  }

  /** As {@link renew}, after a reconnect. In a cluster all pulls may be lost; otherwise only those that the client does not send again. */
  renewAll(): void {
    this.renew();
    const { isClustered, inboxes } = this.source.consumer;
    for (const request of this.#requests)
      if (isClustered || (inboxes !== undefined && request.isProbe !== true)) request.isLost = true;
  }

  /**
   * Ends the open pulls. Messages that still come are handed back. No later request brings any.
   * @param graceMs how long a pull that should end by itself may take
   */
  async end(graceMs: number): Promise<void> {
    this.#isStopped = true;
    await Promise.all([...this.#requests].map((request) => this.#endRequest(request, graceMs)));
  }

  *#probes(): Iterable<Request> {
    for (const request of this.#requests) if (request.isProbe === true) yield request;
  }

  async #endRequest({ pull, done }: Request, graceMs: number): Promise<void> {
    if (this.source.consumer.isClustered) {
      pull?.pause();
      await valueWithin(done, Math.min(graceMs, FORGOTTEN_MS));
    }
    await pull?.end();
    await done;
  }

  async #take(request: Request, expiresMs: number): Promise<void> {
    try {
      const found = await this.source.consumer.get();
      if (this.#isStopped || request.isLost) return;
      if (request.isUnwanted) return this.#listener.onEnd(false);
      const asked = new Stopwatch();
      const after = this.#reached;
      const messages = await this.#open(found, request, expiresMs);
      const { ackWaitMs } = this.source.consumer;
      request.pull = new Pull(messages, request.left, { asked, ackWaitMs });
      // The lane or its probes may have been ended while the pull was opened.
      if (this.#isStopped || request.isUnwanted) void request.pull.end();
      if (this.#isPaused && request.isProbe === true) request.pull.pause();
      await request.pull.takeAll((message) => this.#receive({ message, asked, after }));
      if (request.isLost) return;
      if (request.pull.left > 0) this.backlog = 0;
      // A consumer that is gone answers nothing, and a short pull then ends by the clock of the client, as if all were well.
      if (request.isTrial && request.pull.left === request.left) this.#forget();
      this.#listener.onEnd(!request.isUnwanted);
    } catch (thrown) {
      if (request.isLost) return;
      // The consumer may be deleted.
      this.#forget();
      this.#listener.onFailure(thrown);
    } finally {
      this.#requests.delete(request);
    }
  }

  async #open(found: Consumer, request: Request, expiresMs: number): Promise<PulledMessages> {
    const { isClustered, inboxes } = this.source.consumer;
    if (request.isProbe !== true && inboxes !== undefined) return inboxes.ask(request.left);
    const expires = isClustered ? Math.min(expiresMs, CLUSTER_PULL_MS) : expiresMs;
    return fetched(await found.fetch({ max_messages: request.left, expires }));
  }

  #receive(received: Received): void {
    const { message, after } = received;
    this.backlog = message.info.pending;
    if (message.seq <= after && message.info.deliveryCount === 1) this.#forget();
    else this.#reached = Math.max(this.#reached, message.seq);
    this.#listener.onMessage(this, received);
  }

  /** Forgets the consumer. If it was deleted and created again, it counts from the start, and only open pulls are told. */
  #forget(): void {
    this.source.consumer.forget();
    this.#reached = 0;
  }
}

/** Ends a request outside of a cluster: the server that answers it is the one that is told. */
function endSoon(request: Request): void {
  request.isUnwanted = true;
  void request.pull?.end();
}
