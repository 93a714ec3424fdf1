import { keyOf } from './held-reports.ts';
import type { IndexEntry } from './index-entry.ts';

/** A report that did not come so long after its job was accepted does not come any more. */
const REPORT_MS = 10_000;
/** So many jobs are remembered at most. The oldest ones are forgotten first. */
const MAX_JOBS = 10_000;

interface Unreported {
  readonly tenant: string;
  readonly acceptedAt: number;
}

/**
 * Unfinished jobs whose first event came before the report of their bridge. The bridge counts such a job itself until it has
 * reported it. So the job would count twice for the quotas of its tenant.
 */
export class UnreportedJobs {
  /** About the oldest ones first. */
  readonly #jobs = new Map<string, Unreported>();
  readonly #counts = new Map<string, number>();

  /** How many of the unfinished jobs of a tenant a bridge may still count. @param now epoch milliseconds */
  count(tenant: string, now: number): number {
    for (const [key, { acceptedAt }] of this.#jobs) {
      if (now - acceptedAt < REPORT_MS) break;
      this.delete(key);
    }
    return this.#counts.get(tenant) ?? 0;
  }

  /** Adds a job that has had its first event. @param now epoch milliseconds */
  add({ tenant, id, accepted_at }: Pick<IndexEntry, 'tenant' | 'id' | 'accepted_at'>, now: number): void {
    const key = keyOf({ tenant, id });
    if (now - accepted_at >= REPORT_MS || this.#jobs.has(key)) return;
    this.#jobs.set(key, { tenant, acceptedAt: Math.min(accepted_at, now) });
    this.#counts.set(tenant, (this.#counts.get(tenant) ?? 0) + 1);
    const [oldest] = this.#jobs.keys();
    if (this.#jobs.size > MAX_JOBS && oldest !== undefined) this.delete(oldest);
  }

  /** Takes out a job that was reported, or has ended. */
  delete(key: string): void {
    const job = this.#jobs.get(key);
    if (job === undefined) return;
    this.#jobs.delete(key);
    const left = (this.#counts.get(job.tenant) ?? 0) - 1;
    if (left > 0) this.#counts.set(job.tenant, left);
    else this.#counts.delete(job.tenant);
  }
}
