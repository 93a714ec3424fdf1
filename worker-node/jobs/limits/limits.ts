import { randomUUID } from 'node:crypto';
import { startInterval, type Timer } from '../../../shared/timers.ts';
import type { JobMessage } from '../../../shared/wire/job-message.ts';
import { entrySubject, type LimitStore } from '../../broker/limits/limit-store.ts';
import type { WorkerLogger } from '../../log.ts';
import type { Operation } from '../../operations/operation.ts';
import type { WorkerMetrics } from '../../telemetry/metrics.ts';
import { Admission } from './admission.ts';
import type { Wish } from './entry.ts';
import { countOf, type Limit, type PacedKey } from './limit.ts';
import { LimitedKey } from './limited-key.ts';
import { Pace } from './pace.ts';
import { Parking } from './parking.ts';

/** How often keys that nobody needs are forgotten. */
const SWEEP_MS = 5_000;
/** How far apart two jobs of one key come back, for each key with jobs that were handed back: so about a hundred come in a second. */
const BETWEEN_MS = 10;
const LEAST_BETWEEN_MS = 50;

interface LimitsParts {
  readonly store: LimitStore;
  /** How long a place lasts unless it is renewed, in milliseconds. */
  readonly leaseMs: number;
  /** How many jobs may wait in this process. */
  readonly parked: number;
  readonly log: Pick<WorkerLogger, 'warn'>;
  readonly metrics: Pick<WorkerMetrics, 'jobWaited'>;
  readonly random: () => number;
}

/** The limits by key of all operations, as one host keeps them (docs/decisions/limits.md). */
export class Limits {
  readonly #parts: LimitsParts;
  readonly #keys = new Map<string, PacedKey>();
  readonly #parking: Parking;
  readonly #host = randomUUID().slice(0, 8);
  #sweep: Timer | undefined;
  #attempts = 0;
  /** How many keys have jobs that were handed back, as counted last. */
  #crowded = 0;

  constructor(parts: LimitsParts) {
    this.#parts = parts;
    this.#parking = new Parking(parts.parked);
  }

  /** How many jobs wait in this process. */
  get parked(): number {
    return this.#parking.size;
  }

  /** What the next attempt of a job has to get before it starts; undefined if its operation has no limit by key. */
  admissionOf(job: JobMessage, operation: Operation): Admission | undefined {
    const limits = this.#limitsOf(job, operation);
    if (limits.length === 0) return undefined;
    const { metrics } = this.#parts;
    const { tenant } = job.address;
    return new Admission({ limits, tenant, parking: this.#parking, metrics });
  }

  /**
   * Decides about a job that was handed back before.
   * @returns how long it stays away again, in milliseconds, if it is known that it cannot start and has no room here;
   *   undefined if it is to be tried
   */
  awayAgain(job: JobMessage, operation: Operation): number | undefined {
    for (const limit of this.#limitsOf(job, operation)) {
      const { key, pace } = limit;
      const isFull =
        key.waiting > 0 && !this.#parking.hasRoom(job.address.tenant, key.waiting, countOf(limit));
      const { blockedMs } = key;
      if (isFull || blockedMs > 0) return pace.turn(performance.now(), blockedMs);
    }
    return undefined;
  }

  stop(): void {
    this.#sweep?.stop();
    for (const { key } of this.#keys.values()) key.close();
    this.#keys.clear();
  }

  /** Limits with one key have one entry, so that both are taken with one write. */
  #limitsOf({ address, input }: JobMessage, operation: Operation): Limit[] {
    const { concurrencyLimit, rateLimit } = operation;
    const id = `${this.#host}-${++this.#attempts}`;
    const wishes = new Map<string, Wish>();
    if (concurrencyLimit !== undefined)
      wishes.set(concurrencyLimit.key, { id, places: concurrencyLimit.limit });
    if (rateLimit !== undefined)
      wishes.set(rateLimit.key, { id, ...wishes.get(rateLimit.key), rate: rateLimit });
    return [...wishes].map(([key, wish]) => ({
      ...this.#keyOf(entrySubject(address, key, input), wish),
      wish,
    }));
  }

  #keyOf(subject: string, { places, rate }: Wish): PacedKey {
    const known = this.#keys.get(subject);
    if (known !== undefined) return known;
    const key = new LimitedKey(subject, this.#parts);
    const longestMs = (): number => Math.max(LEAST_BETWEEN_MS, this.#crowded * BETWEEN_MS);
    const pace = new Pace(places === undefined ? rate : undefined, longestMs, this.#parts.random);
    this.#keys.set(subject, { key, pace });
    this.#sweep ??= startInterval(SWEEP_MS, () => this.#forget());
    return { key, pace };
  }

  #forget(): void {
    const now = performance.now();
    this.#crowded = [...this.#keys.values()].filter(({ pace }) => pace.isAhead(now)).length;
    for (const [subject, { key, pace }] of this.#keys) {
      if (!key.isIdle || pace.isAhead(now)) continue;
      key.close();
      this.#keys.delete(subject);
    }
    if (this.#keys.size > 0) return;
    this.#sweep?.stop();
    this.#sweep = undefined;
  }
}
