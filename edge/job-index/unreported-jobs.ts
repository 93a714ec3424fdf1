import { KeyCounts } from '../../shared/collections/key-counts.ts';
import { type IndexEntry, keyOf } from './index-entry.ts';

/** A report that has not come this long after its job was accepted will not come. */
const REPORT_MS = 10_000;
/** The most jobs that are remembered. The oldest ones are forgotten first. */
const MAX_JOBS = 10_000;

interface Unreported {
  readonly tenant: string;
  readonly acceptedAt: number;
}

/**
 * Unfinished jobs whose first event came before the report of their bridge. The bridge counts such a job itself until it has
 * reported it. If the index counted it too, it would count twice for the quotas of its tenant.
 */
export class UnreportedJobs {
  /** The oldest ones come first, roughly. */
  readonly #jobs = new Map<string, Unreported>();
  readonly #counts = new KeyCounts();

  /** How many of the unfinished jobs of a tenant a bridge may still count. @param now epoch milliseconds */
  count(tenant: string, now: number): number {
    for (const [key, { acceptedAt }] of this.#jobs) {
      if (now - acceptedAt < REPORT_MS) break;
      this.delete(key);
    }
    return this.#counts.of(tenant);
  }

  /** Adds a job that has had its first event. @param now epoch milliseconds */
  add({ tenant, id, accepted_at }: Pick<IndexEntry, 'tenant' | 'id' | 'accepted_at'>, now: number): void {
    const key = keyOf({ tenant, id });
    if (now - accepted_at >= REPORT_MS || this.#jobs.has(key)) return;
    this.#jobs.set(key, { tenant, acceptedAt: Math.min(accepted_at, now) });
    this.#counts.add(tenant);
    const [oldest] = this.#jobs.keys();
    if (this.#jobs.size > MAX_JOBS && oldest !== undefined) this.delete(oldest);
  }

  /** Takes out a job that was reported, or has ended. */
  delete(key: string): void {
    const job = this.#jobs.get(key);
    if (job === undefined) return;
    this.#jobs.delete(key);
    this.#counts.remove(job.tenant);
  }
}
