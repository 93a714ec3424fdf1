import { JOB_QUOTAS, NO_USAGE, type Usage } from '../../shared/api/usage.ts';
import { RecentMap } from '../../shared/collections/recent-map.ts';
import { valueWithin } from '../../shared/deadline.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import { TenantJobs } from './tenant-jobs.ts';

/** The index answers within about a second, or not at all. */
const INDEX_PATIENCE_MS = 3_000;
const MAX_TENANTS = 5_000;
const RETRY_SECONDS = 5;
/** What is stored of jobs expires by days. */
const RETRY_STORED_SECONDS = 3_600;
/** A tenant is near the limit of its pooled lane up to this many times `FAIR_JOBS` unfinished jobs. */
const NEAR = 8;

interface UsageBookOptions {
  /** A tenant with more unfinished jobs is busy (`FAIR_JOBS`). */
  readonly fairJobs: number;
  /** Asks the index for the usage of a tenant. */
  readonly count: (tenant: string) => Promise<Usage>;
}

/** How a job is checked. */
interface CheckOptions {
  /** How long the check may wait for the index, in milliseconds. */
  readonly leftMs?: number;
  /** Whether the place of the job says where it waits in the queue. */
  readonly needsPlace?: boolean;
}

/**
 * What the jobs of each tenant take, as far as a bridge knows: the last report of the index, and the jobs that the
 * bridge accepted since. So most submissions need no request to the index. Several bridges together may exceed a quota, by what
 * they accept at the same moment.
 *
 * A job goes {@link enter} → {@link check} → {@link report}. If it was accepted, it is also counted from {@link add} until a
 * report of the index has it.
 */
export class UsageBook {
  readonly #options: UsageBookOptions;
  readonly #tenants = new RecentMap<string, TenantJobs>();
  readonly #counting = new Map<string, Promise<void>>();

  constructor(options: UsageBookOptions) {
    this.#options = options;
  }

  /**
   * Adds a job that asks to be accepted. Call {@link check} for it, and {@link report} when it was accepted or refused.
   * @returns its place among the jobs of its tenant, from 1: see {@link placeIn}
   */
  enter(tenant: string, job: Usage): number {
    const jobs = this.#use(tenant);
    jobs.enter(job);
    return placeIn(jobs.usage, job);
  }

  /**
   * Checks that a job fits into the quotas of its tenant. Call {@link enter} first. A job that is refused is taken out again.
   * Jobs are checked in the order of their calls. Jobs that still wait for their check take no room from this one.
   *
   * The index is asked for a new report if there was none yet, if the job does not fit by the last report, or if the tenant
   * is near the limit of its pooled lane: in both cases some jobs may have ended. An old report is enough for these two
   * questions, but never refuses a job: if the index does not answer in time, the job passes.
   * @param place the place that {@link enter} returned
   * @param quotas the quotas of the tenant
   * @returns the place of the job now
   * @throws ThroughlineError `quota-exceeded`; `payload-too-large` if the job alone is larger than its tenant may have
   */
  check(
    tenant: string,
    job: Usage,
    place: number,
    quotas: Usage,
    { leftMs = INDEX_PATIENCE_MS, needsPlace = true }: CheckOptions = {},
  ): number | Promise<number> {
    const jobs = this.#jobsOf(tenant);
    const { counted } = jobs;
    const fits = counted !== undefined && jobs.exceeded(job, quotas, counted) === undefined;
    if (!fits || (needsPlace && this.#isNear(jobs, job, place)))
      return this.#checkByIndex(tenant, job, place, quotas, leftMs);
    jobs.pass(job);
    return place;
  }

  /** Whether a job is near the limit of the pooled lane of its tenant. The jobs of an old report do not count for its place yet. */
  #isNear(jobs: TenantJobs, job: Usage, place: number): boolean {
    const { fairJobs } = this.#options;
    const old = jobs.fresh === undefined ? placeIn(jobs.counted, job) : 0;
    return place + old > fairJobs && place <= fairJobs * NEAR;
  }

  async #checkByIndex(
    tenant: string,
    job: Usage,
    place: number,
    quotas: Usage,
    leftMs: number,
  ): Promise<number> {
    const jobs = this.#jobsOf(tenant);
    const never = JOB_QUOTAS.find((quota) => job[quota] > quotas[quota]);
    if (never !== undefined) {
      jobs.leave(job);
      throw neverFits(never, quotas[never], job[never]);
    }
    const { counted, fresh } = jobs;
    await this.#recount(tenant, leftMs);
    const name = jobs.exceeded(job, quotas, jobs.fresh);
    if (name !== undefined) {
      const limit = quotas[name];
      const left = Math.max(0, limit - jobs.taken(jobs.fresh)[name]);
      jobs.leave(job);
      throw usedUp(name, limit, left);
    }
    jobs.pass(job);
    const change = placeIn(jobs.fresh, job) - placeIn(fresh, job);
    // The jobs of an old report did not count for the place, so all of the new report counts. Otherwise the new report may have
    // jobs that came since the last one. They count for the place already, so it never grows.
    const wasOld = counted !== undefined && fresh === undefined;
    return place + (wasOld ? change : Math.min(0, change));
  }

  /**
   * Whether a tenant has more unfinished jobs than fit its pooled lane. Its jobs then go to a bulk lane.
   * @param job what the job in question takes. The job was added before
   * @param place the place of the job; by default it is the last one
   */
  isBusy(tenant: string, job: Usage, place = placeIn(this.#jobsOf(tenant).usage, job)): boolean {
    return place > this.#options.fairJobs;
  }

  /** Adds a job that was accepted. @param again whether the index counts the job already, because it has left the outbox */
  add(tenant: string, job: Usage, again = false): void {
    this.#use(tenant).add(job, again);
  }

  /**
   * Takes a report of the index.
   * @param counted undefined if there is no new report
   * @param included the accepted jobs that no longer count here: the report has them, or no report ever will
   * @param again as in {@link add}
   */
  report(tenant: string, counted: Usage | undefined, included: Usage, again = false): void {
    const jobs = this.#jobsOf(tenant);
    jobs.remove(included, again);
    if (counted !== undefined) jobs.report(counted);
  }

  /**
   * Does the work that restarts a job which had ended. Like a new job, it must fit into the quotas of its tenant. It counts here
   * until the index has read the event of its new start. The caller does not wait for that.
   * @throws ThroughlineError as {@link check}; what the work throws
   */
  async restart<T>(tenant: string, job: Usage, quotas: Usage, work: () => Promise<T>): Promise<T> {
    await this.check(tenant, job, this.enter(tenant, job), quotas, { needsPlace: false });
    try {
      return await work();
    } finally {
      // If the restart has failed, the next report does not have the job.
      this.#jobsOf(tenant).restart(job);
      void this.settled(tenant);
    }
  }

  /**
   * Waits until the index has counted the jobs whose {@link restart} is over, or cannot. Before that, a check may count such a job
   * twice: here, and in a report that has read its event already.
   */
  async settled(tenant: string): Promise<void> {
    // A count that is under way may have begun before the events.
    await this.#counting.get(tenant);
    if (this.#jobsOf(tenant).hasRestarted || this.#counting.has(tenant))
      await this.#recount(tenant, INDEX_PATIENCE_MS);
  }

  /**
   * Asks the index about a tenant that will need room for many jobs at once, unless the last report is fresh. By an old report, all
   * of these jobs could fit.
   * @returns resolves when the index has answered, or cannot
   */
  async refresh(tenant: string): Promise<void> {
    if (this.#use(tenant).fresh === undefined) await this.#recount(tenant, INDEX_PATIENCE_MS);
  }

  /** What this bridge knows of each tenant. */
  *all(): Iterable<readonly [tenant: string, usage: Usage]> {
    for (const [tenant, jobs] of this.#tenants) yield [tenant, jobs.usage];
  }

  /**
   * Asks the index. Callers at the same time share one request.
   * @param leftMs how long this caller waits for the answer
   */
  async #recount(tenant: string, leftMs: number): Promise<void> {
    const counting =
      this.#counting.get(tenant) ?? this.#count(tenant).finally(() => this.#counting.delete(tenant));
    this.#counting.set(tenant, counting);
    await valueWithin(counting, leftMs);
  }

  async #count(tenant: string): Promise<void> {
    const included = this.#jobsOf(tenant).takeRestarted();
    // Undefined if the index fails, or does not answer in time.
    const counted = await valueWithin(this.#options.count(tenant), INDEX_PATIENCE_MS);
    this.report(tenant, counted, included);
  }

  /** The jobs of a tenant. A tenant without jobs under way may have been forgotten; what is then noted is forgotten too. */
  #jobsOf(tenant: string): TenantJobs {
    return this.#tenants.get(tenant) ?? new TenantJobs();
  }

  /** The jobs of a tenant, which is the last one to be forgotten from now on. */
  #use(tenant: string): TenantJobs {
    const jobs = this.#jobsOf(tenant);
    this.#tenants.use(tenant, jobs);
    if (this.#tenants.size > MAX_TENANTS) this.#forgetOldest(jobs);
    return jobs;
  }

  /** Forgets another tenant without jobs under way: those with some are bounded by what a bridge does at a time. */
  #forgetOldest(used: TenantJobs): void {
    for (const [tenant, jobs] of this.#tenants)
      if (jobs.isIdle && jobs !== used) return void this.#tenants.delete(tenant);
  }
}

/** The error for a job that does not fit now. @param left what is left of the quota */
function usedUp(name: keyof Usage, limit: number, left: number): ThroughlineError {
  const [what, seconds, over] =
    name === 'storedBytes'
      ? ['events and dead letters', RETRY_STORED_SECONDS, 'expired']
      : ['unfinished jobs', RETRY_SECONDS, 'ended'];
  const message = `the quota ${name} is used up: the ${what} of this tenant may have ${limit}; try again when some of them have ${over}`;
  const quota = { name, limit, left };
  return new ThroughlineError('quota-exceeded', message, { quota, retryAfterSeconds: seconds });
}

/** The error for a job that alone exceeds a quota of its tenant. */
function neverFits(name: keyof Usage, limit: number, wanted: number): ThroughlineError {
  if (name === 'bytes' || name === 'delayedBytes') {
    const all = `all unfinished jobs of this tenant together may have ${limit} (quota ${name})`;
    const message = `the input has ${wanted} bytes of JSON, and ${all}, so this job never fits`;
    return new ThroughlineError('payload-too-large', message);
  }
  const message = `the quota ${name} of this tenant is ${limit}, so it may have no such job`;
  return new ThroughlineError('quota-exceeded', message, { quota: { name, limit, left: limit } });
}

/**
 * The place of the last job among the unfinished jobs of its tenant. For a job that may run now, delayed jobs do not count: a tenant
 * with jobs for tomorrow is not busy. For a delayed job all jobs count, since many may be due at one moment.
 * @param all the unfinished jobs; undefined: it is not known that there are any
 */
function placeIn(all: Usage | undefined, last: Usage): number {
  const { jobs, delayedJobs } = all ?? NO_USAGE;
  return last.delayedJobs > 0 ? jobs : jobs - delayedJobs;
}

/**
 * What a job takes. Only a job that its caller delayed is a delayed one. Nobody knows what will be stored of it, but it will be
 * something: so it does not fit when nothing more may be stored.
 * @param bytes the size of its input as JSON
 */
export function usageOfJob(
  { dueAt, dueBy }: { readonly dueAt?: string | undefined; readonly dueBy?: string | undefined },
  bytes: number,
): Usage {
  const delayed = dueAt === undefined || dueBy !== undefined ? 0 : 1;
  return { jobs: 1, bytes, delayedJobs: delayed, delayedBytes: delayed * bytes, storedBytes: 1 };
}
