import type { JobAddress } from '../../../shared/job/job-address.ts';

/** A time that is further ahead is from before the clock was set back. */
const AHEAD_MS = 1_000;

/**
 * The moments at which attempts of this process start. A worker knows its own events by their moment and its name. So attempts of one job
 * that start in the same millisecond, such as those of a job that was published twice, get different ones.
 */
export class StartMoments {
  /** The last moment of each job, in epoch milliseconds. */
  readonly #last = new Map<string, number>();
  /** The latest of them. */
  #latest = 0;

  /** @param now epoch milliseconds @returns now, or a little later */
  next({ tenant, jobId }: Pick<JobAddress, 'tenant' | 'jobId'>, now = Date.now()): Date {
    if (this.#latest < now || this.#latest > now + AHEAD_MS) this.#forget();
    const key = `${tenant}.${jobId}`;
    const moment = Math.max(now, (this.#last.get(key) ?? 0) + 1);
    this.#last.set(key, moment);
    this.#latest = Math.max(this.#latest, moment);
    return new Date(moment);
  }

  #forget(): void {
    this.#last.clear();
    this.#latest = 0;
  }
}
