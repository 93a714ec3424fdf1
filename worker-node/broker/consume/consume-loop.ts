import { backoff } from '../../../shared/backoff.ts';
import { PRIORITIES, type Priority } from '../../../shared/job/priority.ts';
import { Deadlines } from '../../../shared/nats/client/deadlines.ts';
import { pause, startTimer } from '../../../shared/timers.ts';
import type { WorkerLogger } from '../../log.ts';
import type { WorkerMetrics } from '../../telemetry/metrics.ts';
import { describeFailure } from '../checks/failure-reason.ts';
import { type Delivery, deliveryOf } from './delivery.ts';
import { EndingSlots } from './ending-slots.ts';
import { FullWatch } from './full-watch.ts';
import { HeldMessage } from './held-message.ts';
import { Lane, type LaneSource } from './lane.ts';
import type { Received } from './pulled-message.ts';
import type { Slot } from './slot.ts';
import { Turns } from './turns.ts';

/** A pull for messages that may come, at most. */
const PROBE_MS = 30_000;
/** A probe is open for this share of the ack wait at most. If its message comes later, this process stood still. */
const PROBE_SHARE = 1 / 2;
/** A pull for messages that are known to wait. Another host may have taken them meanwhile. JetStream takes no shorter time. */
const GRANT_MS = 1_000;
/** After a failure the next pulls are short, since a pull shows that all is well only when it ends. */
const PROBE_AFTER_FAILURE_MS = 1_000;
const PAUSE = { firstMs: 200, maxMs: 5_000 };
/** How long a message waits here for a slot before it is handed back, so that another host can take it. */
const HOLD_MS = 250;
/** After this time without a free slot, a host is full. With short jobs, slots are free again sooner. */
const FULL_MS = 50;
/** How often a priority is chosen, compared with the others, while jobs of all of them wait. */
const WEIGHTS: Readonly<Record<Priority, number>> = { high: 16, normal: 4, low: 1 };
/** The share of the slots that bulk lanes leave to the others. */
const RESERVED_SHARE = 1 / 8;

/** Handles deliveries: the pipeline of jobs, or that of callbacks. */
export interface DeliveryHandler {
  /**
   * Handles one delivery up to its ack. Never throws.
   * @param stop aborts when the worker cannot wait any longer
   * @param slot the slot that the delivery has from the start
   */
  process(delivery: Delivery, stop: AbortSignal, slot: Slot): Promise<void>;
}

interface ConsumeLoopOptions {
  readonly lanes: readonly LaneSource[];
  readonly handler: DeliveryHandler;
  /** How many deliveries are handled at the same time. */
  readonly concurrency: number;
  readonly log: WorkerLogger;
  /** What the loop pulls, for the log. */
  readonly what: 'jobs' | 'callbacks';
  readonly metrics?: Pick<WorkerMetrics, 'messageConsumed'>;
}

/**
 * Pulls messages from lanes in turn, as many as there are free slots, so that no message waits in this process while another
 * worker is idle. A slot whose delivery only stores its end counts as free, so that the next message is there when the slot is free.
 * A small pull on each lane (a probe) finds out when messages come. Each delivery says how many messages are left in its lane.
 * While messages wait in several lanes, the lanes share the free slots by turns (docs/decisions/tenants.md).
 * Each pull ends by itself after a while, so a pull that the server forgot delays the worker by one interval at most.
 */
export class ConsumeLoop {
  readonly #options: ConsumeLoopOptions;
  readonly #lanes: readonly Lane[];
  readonly #priorities = new Turns<Priority>((priority) => WEIGHTS[priority]);
  readonly #turns = new Turns<Lane>(() => 1);
  readonly #bulkSlots: number;
  readonly #stopping = new AbortController();
  readonly #giveUp = new AbortController();
  readonly #running = new Set<Promise<void>>();
  /** How many of them have given their slot back for a while. */
  #away = 0;
  readonly #ending = new EndingSlots(HOLD_MS);
  readonly #holds = new Deadlines(HOLD_MS);
  readonly #fullWatch = new FullWatch(FULL_MS, () => {
    for (const lane of this.#lanes) lane.endProbes();
  });
  #failures = 0;
  #hasFailed = false;
  #problem: string | undefined;
  #wake: () => void = () => undefined;

  constructor(options: ConsumeLoopOptions) {
    this.#options = options;
    const { concurrency } = options;
    this.#bulkSlots =
      concurrency === 1 ? 1 : concurrency - Math.max(1, Math.floor(concurrency * RESERVED_SHARE));
    this.#lanes = options.lanes.map(
      (source) =>
        new Lane(source, {
          onMessage: (lane, received) => this.#receive(lane, received),
          onEnd: (answered) => (answered ? this.#succeed() : this.#wake()),
          onFailure: (thrown) => this.#fail(thrown),
        }),
    );
  }

  /** What it pulls. */
  get what(): 'jobs' | 'callbacks' {
    return this.#options.what;
  }

  /** How many deliveries may be handled at the same time. */
  get concurrency(): number {
    return this.#options.concurrency;
  }

  /** How many deliveries are handled now. */
  get running(): number {
    return this.#running.size;
  }

  /** How many slots are taken. */
  get #taken(): number {
    return this.#running.size - this.#away;
  }

  /** Whether the last pull reached the server. */
  get healthy(): boolean {
    return this.#failures === 0;
  }

  /** Why the last pull failed; undefined when it did not. */
  get problem(): string | undefined {
    return this.healthy ? undefined : this.#problem;
  }

  /** Pulls until {@link stop}. */
  async run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      if (this.#hasFailed) await this.#pause();
      if (this.#stopping.signal.aborted) break;
      this.#startHeld();
      const room = this.#room;
      if (room > 0) {
        this.#requestWaiting(room);
        this.#probe(room);
      }
      this.#fullWatch.note(room <= 0);
      await this.#change();
    }
  }

  /**
   * Stops pulling and waits for the deliveries that are being handled. After `graceMs` the signal of those that are
   * left aborts, and they are handed back. Safe to call twice.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    this.#fullWatch.stop();
    const timer = startTimer(graceMs, () => this.#giveUp.abort());
    for (const { held, returning, source } of this.#lanes) {
      for (const message of held.splice(0)) {
        this.#holds.delete(message);
        message.handBack(source.consumer.ackWaitMs);
      }
      for (const enter of returning.splice(0)) enter();
    }
    await Promise.all(this.#lanes.map((lane) => lane.end(graceMs)));
    while (this.#running.size > 0) await Promise.allSettled([...this.#running]);
    timer.stop();
  }

  /** Pulls again on each lane after a reconnect: earlier pulls may be gone, and the client may wait for them for long. */
  reconnected(): void {
    for (const lane of this.#lanes) lane.renewAll();
    this.#wake();
  }

  get #free(): number {
    return this.#options.concurrency - this.#taken;
  }

  /** For how many more messages there are slots now or soon. */
  get #room(): number {
    let room = this.#free + this.#ending.count;
    for (const { held, returning } of this.#lanes) room -= held.length + returning.length;
    return room;
  }

  /** Gives free slots to deliveries that come back for one, and to messages that wait here. */
  #startHeld(): void {
    while (this.#free > 0) {
      const lanes = this.#lanes.filter((one) => one.isWaiting && this.#hasSlot(one, this.#taken));
      // A lane that waits alone needs no turn.
      const lane = lanes.length > 1 ? this.#nextOf(lanes) : lanes[0];
      if (lane === undefined) return;
      const enter = lane.returning.shift();
      const held = enter === undefined ? lane.held.shift() : undefined;
      if (enter !== undefined) enter();
      else if (held !== undefined) {
        this.#holds.delete(held);
        this.#start(lane, held.received);
      }
    }
  }

  /**
   * Asks for messages that are known to wait. It asks only when more than half of the free slots are not requested yet, so
   * that one pull is for many messages.
   */
  #requestWaiting(room: number): void {
    const waiting = this.#lanes.filter(({ backlog }) => backlog > 0);
    if (waiting.length === 0) return;
    const requested = waiting.reduce((sum, lane) => sum + lane.requested, 0);
    const credits = room - requested;
    if (credits <= requested) return;
    const isTrial = !this.healthy;
    const kept = this.#options.concurrency - room;
    for (const [lane, count] of this.#grants(waiting, credits, kept))
      lane.request(count, GRANT_MS, { isTrial });
  }

  /**
   * Gives credits for messages to lanes, by turns.
   * @param kept how many slots are neither free nor free soon
   * @returns how many each lane gets
   */
  #grants(waiting: readonly Lane[], credits: number, kept: number): Map<Lane, number> {
    const [only] = waiting;
    if (only !== undefined && waiting.length === 1) return this.#grantAll(only, credits, kept);
    const counts = new Map<Lane, number>();
    const demands = new Map(waiting.map((lane) => [lane, lane.demand]));
    for (let given = 0; given < credits; given++) {
      const lane = this.#nextOf(
        waiting.filter((one) => (demands.get(one) ?? 0) > 0 && this.#hasSlot(one, kept + given)),
      );
      if (lane === undefined) break;
      counts.set(lane, (counts.get(lane) ?? 0) + 1);
      demands.set(lane, (demands.get(lane) ?? 0) - 1);
    }
    return counts;
  }

  /** Gives all credits to the only lane with work. It needs no turn. */
  #grantAll(lane: Lane, credits: number, kept: number): Map<Lane, number> {
    const slots = lane.source.isBulk ? this.#bulkSlots - kept : credits;
    const count = Math.min(credits, lane.demand, slots);
    return new Map(count > 0 ? [[lane, count]] : []);
  }

  /**
   * Keeps a pull open on each lane while slots are free. All probes together ask for about as many messages as there are free
   * slots, in a cluster for one on each lane. While all slots are taken for longer than a moment, no probe takes messages: a message
   * that nobody here can run would count as delivered, and could not be cancelled in the queue.
   */
  #probe(room: number): void {
    const kept = this.#options.concurrency - room;
    const share = Math.max(1, Math.floor(room / this.#lanes.length));
    const isTrial = !this.healthy;
    for (const lane of this.#lanes) {
      if (!this.#hasSlot(lane, kept)) continue;
      lane.resumeProbes();
      const { requested } = lane;
      // In a cluster, a pull stays open while the host is full. A pull for one message ends with the first one that it hands back.
      const size = lane.source.consumer.isClustered ? 1 : share;
      if (requested * 2 < size && lane.backlog <= requested)
        lane.request(size - requested, probeMs(lane, isTrial), { isProbe: true, isTrial });
    }
  }

  /** Whether a lane may have another slot, after `taken` others. Bulk lanes leave some slots to the others. */
  #hasSlot({ source }: Lane, taken: number): boolean {
    return !source.isBulk || taken < this.#bulkSlots;
  }

  /** The lane whose turn it is: first a priority is chosen, then a lane of that priority. */
  #nextOf(lanes: readonly Lane[]): Lane | undefined {
    const waiting = PRIORITIES.filter((one) => lanes.some(({ source }) => source.priority === one));
    const priority = this.#priorities.next(waiting);
    return this.#turns.next(lanes.filter(({ source }) => source.priority === priority));
  }

  #receive(lane: Lane, received: Received): void {
    this.#succeed();
    if (this.#free > 0 && this.#hasSlot(lane, this.#taken)) this.#start(lane, received);
    else this.#hold(lane, received);
  }

  /** A message may come before its slot is free, and several lanes may bring one for the same slot. They wait for a moment. */
  #hold(lane: Lane, received: Received): void {
    const held = new HeldMessage(received);
    lane.held.push(held);
    this.#holds.add(held, () => {
      this.#holds.delete(held);
      lane.held.splice(lane.held.indexOf(held), 1);
      lane.backlog++;
      this.#ending.waitedInVain();
      held.handBack(lane.source.consumer.ackWaitMs);
      // The host may be full now: its probes must not take the next message too.
      this.#wake();
    });
  }

  #start(lane: Lane, received: Received): void {
    const delivery = deliveryOf(received, lane.source.consumer.createdMs);
    let ended: (() => void) | undefined;
    const ending = (): void => {
      ended ??= this.#ending.begin();
      this.#wake();
    };
    const slot = this.#slotOf(lane, ending);
    const { metrics, what } = this.#options;
    metrics?.messageConsumed(what, delivery.deliveryCount > 1);
    const handled = this.#options.handler.process(delivery, this.#giveUp.signal, slot).finally(() => {
      this.#running.delete(handled);
      ended?.();
      // At once: what the next delivery writes goes to the socket together with the ack of this one.
      if (!this.#stopping.signal.aborted) this.#startHeld();
      this.#wake();
    });
    this.#running.add(handled);
  }

  #slotOf(lane: Lane, ending: () => void): Slot {
    return {
      ending,
      stopping: this.#stopping.signal,
      leave: () => {
        this.#away++;
        this.#wake();
      },
      enter: (signal) => this.#enter(lane, signal),
    };
  }

  /** Waits for a slot, in the turns of the lane. */
  async #enter(lane: Lane, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const enter = (): void => {
      signal.removeEventListener('abort', hurry);
      this.#away--;
      resolve();
    };
    const hurry = (): void => {
      lane.returning.splice(lane.returning.indexOf(enter), 1);
      enter();
    };
    if (signal.aborted || this.#stopping.signal.aborted) return enter();
    signal.addEventListener('abort', hurry, { once: true });
    lane.returning.push(enter);
    this.#wake();
    return await promise;
  }

  #succeed(): void {
    this.#failures = 0;
    this.#hasFailed = false;
    this.#wake();
  }

  /** All lanes fail at once when NATS is away. That is one failure. */
  #fail(thrown: unknown): void {
    this.#wake();
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    const isFirst = this.healthy;
    this.#failures++;
    this.#problem = describeFailure(thrown);
    const { log, what } = this.#options;
    if (this.#stopping.signal.aborted) return;
    // When a stream is deleted, the server does not tell each pull that waits at one of its consumers.
    if (isFirst) for (const lane of this.#lanes) lane.renew();
    log.warn({ reason: this.#problem, failures: this.#failures }, `cannot pull ${what}`);
  }

  async #pause(): Promise<void> {
    const pauseMs = backoff(this.#failures, PAUSE, Math.random());
    await pause(pauseMs, this.#stopping.signal).catch(() => undefined);
    this.#hasFailed = false;
  }

  /** Waits until a delivery, a handler or a pull ends. Those that end in the same turn of the event loop count as one. */
  async #change(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#stopping.signal.aborted) resolve();
    });
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** How long a probe is open. JetStream takes no shorter time than a second. */
function probeMs({ source }: Lane, isTrial: boolean): number {
  if (isTrial) return PROBE_AFTER_FAILURE_MS;
  return Math.max(GRANT_MS, Math.min(PROBE_MS, PROBE_SHARE * source.consumer.ackWaitMs));
}
