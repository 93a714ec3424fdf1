import type { Slot } from '../../broker/consume/slot.ts';
import type { WorkerMetrics } from '../../telemetry/metrics.ts';
import type { LimitKind } from './entry.ts';
import { countOf, type Limit } from './limit.ts';
import type { NumberedRefusal } from './limited-key.ts';
import type { Parking } from './parking.ts';

/** A job that may start no sooner than in this time does not wait in this process. */
const LONG_MS = 30_000;

interface AdmissionParts {
  /** The limits to keep, that of places first: a place can be given back, a start cannot. */
  readonly limits: readonly Limit[];
  readonly tenant: string;
  readonly parking: Parking;
  readonly metrics: Pick<WorkerMetrics, 'jobWaited'>;
}

/** Why an attempt did not start. */
export interface LimitRefusal {
  readonly limit: Limit;
  readonly refusal: NumberedRefusal;
}

/** The right of one attempt to start, by the limits of its operation. */
export class Admission {
  readonly #parts: AdmissionParts;
  #taken: Limit[] = [];
  #isParked = false;
  #waitedFor: LimitKind | undefined;
  #waitedSince = 0;
  #waitedMs = 0;

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
  }

  /**
   * Which limit the attempt waited for last, since when (epoch milliseconds), and how long in this process; undefined if it did
   * not wait.
   */
  get waited(): { readonly by: LimitKind; readonly since: number; readonly ms: number } | undefined {
    if (this.#waitedFor === undefined) return undefined;
    return { by: this.#waitedFor, since: this.#waitedSince, ms: this.#waitedMs };
  }

  /**
   * Takes all that the attempt needs, or nothing.
   * @returns why the attempt has to wait; undefined if it may start now
   * @throws ThroughlineError `broker-unavailable`
   */
  async take(): Promise<LimitRefusal | undefined> {
    const taken: Limit[] = [];
    for (const limit of this.#parts.limits) {
      // An attempt that comes does not overtake those that wait here.
      const refusal = (this.#isParked ? undefined : limit.key.queue) ?? (await limit.key.take(limit.wish));
      if (refusal !== undefined) {
        for (const { key, wish } of taken) key.forgo(wish.id);
        return { limit, refusal };
      }
      taken.push(limit);
    }
    this.#taken = taken;
    return undefined;
  }

  /** The attempt has started. */
  confirm(): void {
    for (const { key, pace, wish } of this.#taken) {
      pace.start(performance.now());
      if (wish.rate !== undefined) key.confirm(wish.id);
    }
  }

  /** The attempt does not start after all. */
  forgo(): void {
    for (const { key, wish } of this.#taken.splice(0)) key.forgo(wish.id);
  }

  /** The attempt has ended. It counts as started, also if nobody knows whether it did. Safe to call when nothing was taken. */
  end(): void {
    for (const { key, wish } of this.#taken.splice(0)) if (wish.places !== undefined) key.release(wish.id);
  }

  /**
   * Waits without a slot until the attempt may be able to start.
   * @param cancelled aborts when the attempt has to end for another reason
   * @returns whether to try again. If not, the job goes back to the queue: this process has no room for it, or stops
   */
  async wait({ limit, refusal }: LimitRefusal, slot: Slot, cancelled: AbortSignal): Promise<boolean> {
    const { tenant, parking, metrics } = this.#parts;
    if (this.#waitedFor === undefined) {
      this.#waitedSince = Date.now();
      metrics.jobWaited(refusal.by);
    }
    this.#waitedFor = refusal.by;
    const isLong = refusal.by === 'rateLimit' && refusal.inMs > LONG_MS;
    if (slot.stopping.aborted || isLong) return false;
    if (!this.#isParked && !parking.hasRoom(tenant, limit.key.waiting, countOf(limit))) return false;
    const began = performance.now();
    const isBack = this.#isParked;
    this.#isParked = true;
    parking.enter(tenant);
    slot.leave();
    await limit.key.wait(refusal, AbortSignal.any([cancelled, slot.stopping]), isBack);
    await slot.enter(cancelled);
    parking.leave(tenant);
    this.#waitedMs += Math.round(performance.now() - began);
    return !slot.stopping.aborted;
  }

  /** How long a job that goes back to the queue stays away, in milliseconds. */
  backIn({ limit, refusal }: LimitRefusal, slot: Slot): number {
    if (slot.stopping.aborted) return 0;
    return limit.pace.turn(performance.now(), refusal.by === 'rateLimit' ? refusal.inMs : 0);
  }
}
