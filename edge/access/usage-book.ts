import { addUsage, JOB_QUOTAS, NO_USAGE, subtractUsage, type Usage } from '../../shared/api/usage.ts';
import { RecentMap } from '../../shared/collections/recent-map.ts';
import { valueWithin } from '../../shared/deadline.ts';
import { ThroughlineError } from '../../shared/errors.ts';

/** A report of the index is believed for this long. */
const FRESH_MS = 5_000;
/** The index answers within about a second, or not at all. */
const INDEX_PATIENCE_MS = 3_000;
const MAX_TENANTS = 5_000;
const RETRY_SECONDS = 5;
/** A tenant is near the limit of its pooled lane up to this many times `FAIR_JOBS` unfinished jobs. */
const NEAR = 8;

/** What is known of the usage of a tenant. */
interface Known {
  /** The last report of the index. */
  counted: Usage;
  /** When it came, in epoch milliseconds; undefined: there was none yet. */
  countedAt: number | undefined;
  /** Jobs that were accepted, or ask to be, and that no report has yet. */
  added: Usage;
  /** The part of `added` that was not checked yet. */
  unchecked: Usage;
  /** The part of `added` that the next report will have: jobs that had ended and run again. */
  restarted: Usage;
  /** Jobs that have left the outbox. The index counts them, but the last report may not have them. */
  again: Usage;
}

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
 * What the unfinished jobs of each tenant take, as far as a bridge knows: the last report of the index, and the jobs that the
 * bridge accepted since. So most submissions need no request to the index. Several bridges together may exceed a quota, by what
 * they accept at the same moment.
 */
export class UsageBook {
  readonly #options: UsageBookOptions;
  readonly #tenants = new RecentMap<string, Known>();
  readonly #counting = new Map<string, Promise<void>>();

  constructor(options: UsageBookOptions) {
    this.#options = options;
  }

  /**
   * Whether a tenant has more unfinished jobs than fit its pooled lane. Its jobs then go to a bulk lane.
   * @param job what the job in question takes. The job was added before
   * @param place the place of the job; by default it is the last one
   */
  isBusy(tenant: string, job: Usage, place = placeIn(this.#usageOf(tenant), job)): boolean {
    return place > this.#options.fairJobs;
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
    const known = this.#tenants.get(tenant);
    const isNear =
      needsPlace &&
      place + placeIn(this.#oldOf(tenant), job) > this.#options.fairJobs &&
      place <= this.#options.fairJobs * NEAR;
    const fits =
      known?.countedAt !== undefined && this.#exceeded(tenant, job, known.counted, quotas) === undefined;
    if (fits && !isNear) return this.#passed(tenant, job, place);
    return this.#checkByIndex(tenant, job, place, quotas, leftMs);
  }

  async #checkByIndex(
    tenant: string,
    job: Usage,
    place: number,
    quotas: Usage,
    leftMs: number,
  ): Promise<number> {
    const never = JOB_QUOTAS.find((quota) => job[quota] > quotas[quota]);
    if (never !== undefined) {
      this.#leave(tenant, job, place);
      throw neverFits(never, quotas[never], job[never]);
    }
    const wasOld = this.#oldOf(tenant) !== NO_USAGE;
    const before = placeIn(this.#countedOf(tenant), job);
    await this.#recount(tenant, leftMs);
    const name = this.#exceeded(tenant, job, this.#countedOf(tenant), quotas);
    if (name === undefined) {
      const change = placeIn(this.#countedOf(tenant), job) - before;
      // The jobs of an old report did not count for the place, so all of the new report counts. Otherwise the new report may have
      // jobs that came since the last one. They count for the place already, so it never grows.
      return this.#passed(tenant, job, place + (wasOld ? change : Math.min(0, change)));
    }
    const limit = quotas[name];
    const message = `the quota ${name} is used up: the unfinished jobs of this tenant may have ${limit}; try again when some of them have ended`;
    const left = Math.max(0, limit - this.#wanted(tenant, job, this.#countedOf(tenant))[name] + job[name]);
    this.#leave(tenant, job, place);
    const quota = { name, limit, left };
    throw new ThroughlineError('quota-exceeded', message, { quota, retryAfterSeconds: RETRY_SECONDS });
  }

  /**
   * Adds a job that asks to be accepted. Call {@link check} for it, and {@link report} when it was accepted or refused.
   * @returns its place among the jobs of its tenant, from 1: see {@link placeIn}
   */
  enter(tenant: string, job: Usage): number {
    const known = this.#add(tenant, job);
    known.unchecked = addUsage(known.unchecked, job);
    return placeIn(this.#usageOf(tenant), job);
  }

  /**
   * Asks the index about a tenant that will need room for many jobs at once, unless the last report is fresh. By an old report, all
   * of these jobs could fit.
   * @returns resolves when the index has answered, or cannot
   */
  async refresh(tenant: string): Promise<void> {
    const { countedAt } = this.#add(tenant, NO_USAGE);
    if (!isFresh(countedAt)) await this.#recount(tenant, INDEX_PATIENCE_MS);
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
      void this.#settleRestarted(tenant, job);
    }
  }

  /** Leaves a restarted job to the next report of the index. If the restart has failed, that report does not have it. */
  async #settleRestarted(tenant: string, job: Usage): Promise<void> {
    const known = this.#tenants.get(tenant);
    if (known === undefined) return;
    known.restarted = addUsage(known.restarted, job);
    await this.settled(tenant);
  }

  /**
   * Waits until the index has counted the jobs whose {@link restart} is over, or cannot. Before that, a check may count such a job
   * twice: here, and in a report that has read its event already.
   */
  async settled(tenant: string): Promise<void> {
    // A count that is under way may have begun before the events.
    await this.#counting.get(tenant);
    const { jobs } = this.#tenants.get(tenant)?.restarted ?? NO_USAGE;
    if (jobs > 0 || this.#counting.has(tenant)) await this.#recount(tenant, INDEX_PATIENCE_MS);
  }

  /** Notes that a job was checked. @returns its place */
  #passed(tenant: string, job: Usage, place: number): number {
    const known = this.#tenants.get(tenant);
    if (known !== undefined) known.unchecked = subtractUsage(known.unchecked, job);
    return place;
  }

  /** Takes out a job that was refused. */
  #leave(tenant: string, job: Usage, place: number): void {
    this.#passed(tenant, job, place);
    this.report(tenant, undefined, job);
  }

  /** Adds a job that was accepted. @param again whether the index counts the job already, because it has left the outbox */
  add(tenant: string, job: Usage, again = false): void {
    this.#add(tenant, job, again ? 'again' : 'added');
  }

  #add(tenant: string, job: Usage, part: 'added' | 'again' = 'added'): Known {
    const known = this.#tenants.get(tenant) ?? {
      counted: NO_USAGE,
      countedAt: undefined,
      added: NO_USAGE,
      unchecked: NO_USAGE,
      restarted: NO_USAGE,
      again: NO_USAGE,
    };
    known[part] = addUsage(known[part], job);
    this.#tenants.use(tenant, known);
    if (this.#tenants.size > MAX_TENANTS) this.#forgetOldest();
    return known;
  }

  /** Forgets a tenant without jobs under way: those of the others are bounded by what a bridge does at a time. */
  #forgetOldest(): void {
    for (const [tenant, { added, again }] of this.#tenants)
      if (added.jobs + again.jobs === 0) return void this.#tenants.delete(tenant);
  }

  /**
   * Takes a report of the index.
   * @param counted undefined if there is no new report
   * @param included the accepted jobs that no longer count here: the report has them, or no report ever will
   * @param again as in {@link add}
   */
  report(tenant: string, counted: Usage | undefined, included: Usage, again = false): void {
    const known = this.#tenants.get(tenant);
    if (known === undefined) return;
    const part = again ? 'again' : 'added';
    known[part] = subtractUsage(known[part], included);
    if (counted === undefined) return;
    known.counted = counted;
    known.countedAt = Date.now();
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
    const included = this.#takeRestarted(tenant);
    // Undefined if the index fails, or does not answer in time.
    const counted = await valueWithin(this.#options.count(tenant), INDEX_PATIENCE_MS);
    this.report(tenant, counted, included);
  }

  /** The restarted jobs whose events are stored: a count that begins now includes them. */
  #takeRestarted(tenant: string): Usage {
    const known = this.#tenants.get(tenant);
    if (known === undefined) return NO_USAGE;
    const { restarted } = known;
    known.restarted = NO_USAGE;
    return restarted;
  }

  /** What this bridge knows of each tenant. */
  *all(): Iterable<readonly [tenant: string, usage: Usage]> {
    for (const tenant of this.#tenants.keys()) yield [tenant, this.#usageOf(tenant)];
  }

  #exceeded(tenant: string, job: Usage, counted: Usage, quotas: Usage): keyof Usage | undefined {
    const wanted = this.#wanted(tenant, job, counted);
    return JOB_QUOTAS.find((quota) => wanted[quota] > quotas[quota] && job[quota] > 0);
  }

  /** What a job that is being checked and those before it take. */
  #wanted(tenant: string, job: Usage, counted: Usage): Usage {
    const { added, unchecked } = this.#tenants.get(tenant) ?? { added: job, unchecked: job };
    const before = addUsage(counted, subtractUsage(added, unchecked));
    return addUsage(before, job);
  }

  #usageOf(tenant: string): Usage {
    const { added, again } = this.#tenants.get(tenant) ?? { added: NO_USAGE, again: NO_USAGE };
    const counted = this.#countedOf(tenant);
    return addUsage(counted === NO_USAGE ? again : counted, added);
  }

  /** The last report if it is too old to count for the lane; otherwise no usage. */
  #oldOf(tenant: string): Usage {
    const known = this.#tenants.get(tenant);
    return known !== undefined && this.#countedOf(tenant) === NO_USAGE ? known.counted : NO_USAGE;
  }

  /** The last report, unless it is too old. */
  #countedOf(tenant: string): Usage {
    const known = this.#tenants.get(tenant);
    return known !== undefined && isFresh(known.countedAt) ? known.counted : NO_USAGE;
  }
}

function isFresh(countedAt: number | undefined): boolean {
  return countedAt !== undefined && Date.now() - countedAt <= FRESH_MS;
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
 */
function placeIn({ jobs, delayedJobs }: Usage, last: Usage): number {
  return last.delayedJobs > 0 ? jobs : jobs - delayedJobs;
}

/** What a job takes. Only a job that its caller delayed is a delayed one. @param bytes the size of its input as JSON */
export function usageOfJob(
  { dueAt, dueBy }: { readonly dueAt?: string | undefined; readonly dueBy?: string | undefined },
  bytes: number,
): Usage {
  const delayed = dueAt === undefined || dueBy !== undefined ? 0 : 1;
  return { jobs: 1, bytes, delayedJobs: delayed, delayedBytes: delayed * bytes };
}
