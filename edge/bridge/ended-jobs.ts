import type { Job } from '../../shared/job/job.ts';
import type { FoundJob } from '../jobs/job-reader.ts';

/** The limits for the jobs of all tenants together. */
const MAX_JOBS = 800;
const MAX_BYTES = 8 * 1024 * 1024;
/** A larger job would drive out too many others. */
const MAX_JOB_BYTES = MAX_BYTES / 64;
/** How long a job is kept: an operator may delete its record. */
const KEPT_MS = 60 * 60 * 1000;

interface Kept {
  readonly found: FoundJob;
  readonly bytes: number;
  readonly until: number;
}

/**
 * The jobs that this bridge has seen at their end, as long as there is room. Nothing more happens to a job that has succeeded or is
 * cancelled, so a request for it needs no look at NATS. A failed job is not kept, because it may be redriven.
 */
export class EndedJobs {
  readonly #jobs = new Map<string, Kept>();
  #bytes = 0;

  /** The job, with its attempts if it was kept with them; undefined if it is not kept. */
  find(tenant: string, jobId: string): FoundJob | undefined {
    const key = keyOf(tenant, jobId);
    const kept = this.#jobs.get(key);
    if (kept === undefined) return undefined;
    this.#remove(key);
    if (kept.until < Date.now()) return undefined;
    this.#add(key, kept);
    return kept.found;
  }

  /** Keeps a job, unless something may still happen to it. */
  keep(tenant: string, found: FoundJob): void {
    const { job } = found;
    if (!isFinal(job)) return;
    const key = keyOf(tenant, job.id);
    const before = this.#jobs.get(key);
    if (before?.found.job.attempts !== undefined && job.attempts === undefined) return;
    // About what the job takes in memory, and a little less.
    const bytes = 2 * JSON.stringify(job).length;
    if (bytes > MAX_JOB_BYTES) return;
    this.#remove(key);
    this.#add(key, { found, bytes, until: Date.now() + KEPT_MS });
    for (const oldest of this.#jobs.keys()) {
      if (this.#bytes <= MAX_BYTES && this.#jobs.size <= MAX_JOBS) break;
      this.#remove(oldest);
    }
  }

  #add(key: string, kept: Kept): void {
    this.#jobs.set(key, kept);
    this.#bytes += kept.bytes;
  }

  #remove(key: string): void {
    this.#bytes -= this.#jobs.get(key)?.bytes ?? 0;
    this.#jobs.delete(key);
  }
}

function isFinal({ state }: Job): boolean {
  return state === 'succeeded' || state === 'cancelled';
}

function keyOf(tenant: string, jobId: string): string {
  return `${tenant}/${jobId}`;
}
