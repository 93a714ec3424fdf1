import { addUsage, JOB_QUOTAS, NO_USAGE, subtractUsage, type Usage } from '../../shared/api/usage.ts';

/** A report of the index counts for the place of a job for this long. */
const FRESH_MS = 5_000;

/** What a bridge knows of what the jobs of one tenant take: the last report of the index, and what that does not have yet. */
export class TenantJobs {
  /** The last report of the index, and when it came, in epoch milliseconds. */
  #counted: Usage | undefined;
  #countedAt = 0;
  /** Jobs that were accepted, or ask to be, and that no report has yet. */
  #added = NO_USAGE;
  /** The part of them that was not checked yet. */
  #unchecked = NO_USAGE;
  /** The part of them that the next report will have: jobs that had ended and run again. */
  #restarted = NO_USAGE;
  /** Jobs that have left the outbox. The index counts them, but the last report may not have them. */
  #again = NO_USAGE;

  /** The last report of the index; undefined if there was none yet. */
  get counted(): Usage | undefined {
    return this.#counted;
  }

  /** The last report, unless it is too old for the place of a job. */
  get fresh(): Usage | undefined {
    return Date.now() - this.#countedAt > FRESH_MS ? undefined : this.#counted;
  }

  /** What all jobs of the tenant take. */
  get usage(): Usage {
    return addUsage(this.fresh ?? this.#again, this.#added);
  }

  /** Whether no job of the tenant is under way. */
  get isIdle(): boolean {
    return this.#added.jobs + this.#again.jobs === 0;
  }

  /** Whether jobs wait for the next report because they run again. */
  get hasRestarted(): boolean {
    return this.#restarted.jobs > 0;
  }

  /** Adds a job that was accepted. @param again whether the index counts the job already, because it has left the outbox */
  add(job: Usage, again: boolean): void {
    if (again) this.#again = addUsage(this.#again, job);
    else this.#added = addUsage(this.#added, job);
  }

  /** Takes out jobs: the next report has them, or no report ever will. @param again as in {@link add} */
  remove(jobs: Usage, again: boolean): void {
    if (again) this.#again = subtractUsage(this.#again, jobs);
    else this.#added = subtractUsage(this.#added, jobs);
  }

  /** Adds a job that asks to be accepted, and will be checked. */
  enter(job: Usage): void {
    this.add(job, false);
    this.#unchecked = addUsage(this.#unchecked, job);
  }

  /** Notes that a job was checked. */
  pass(job: Usage): void {
    this.#unchecked = subtractUsage(this.#unchecked, job);
  }

  /** Takes out a job that did not pass its check. */
  leave(job: Usage): void {
    this.pass(job);
    this.remove(job, false);
  }

  /** Takes a report of the index. */
  report(counted: Usage): void {
    this.#counted = counted;
    this.#countedAt = Date.now();
  }

  /** Notes that the start of a job that had ended is over: a count that begins from now on has the job, if it runs again. */
  restart(job: Usage): void {
    this.#restarted = addUsage(this.#restarted, job);
  }

  /** The restarted jobs that a count which begins now has. */
  takeRestarted(): Usage {
    const restarted = this.#restarted;
    this.#restarted = NO_USAGE;
    return restarted;
  }

  /** What the jobs take that have their room: those of a report, and those that were checked since. */
  taken(counted = NO_USAGE): Usage {
    return addUsage(counted, subtractUsage(this.#added, this.#unchecked));
  }

  /** The quota that a job would exceed, by a report. */
  exceeded(job: Usage, quotas: Usage, counted: Usage | undefined): keyof Usage | undefined {
    const taken = this.taken(counted);
    return JOB_QUOTAS.find((quota) => job[quota] > 0 && taken[quota] + job[quota] > quotas[quota]);
  }
}
