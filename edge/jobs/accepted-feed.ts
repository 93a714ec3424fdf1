import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { NO_USAGE } from '../../shared/api/usage.ts';
import { describeThrown } from '../../shared/errors.ts';
import type { Job } from '../../shared/job/job.ts';
import { pause } from '../../shared/timers.ts';
import { SERVICE } from '../../shared/trace/semantics.ts';
import { type UsageBook, usageOfJob } from '../access/usage-book.ts';
import type { TenantJob, TenantUsage } from '../calls/index-commands.ts';
import type { JobIndexClient } from '../calls/job-index-client.ts';
import type { Logger } from '../telemetry/log.ts';
import { withService } from '../telemetry/service.ts';

/** The most jobs in one call to the index. While so many wait, the next call follows at once. */
const BATCH = 100;
/** The shortest pause after a call when fewer jobs wait. */
const WINDOW_MS = 50;
/**
 * A call costs as much as twenty jobs in it. So after a call with at least `BUSY` jobs the pause is longer, at most
 * `MAX_WINDOW_MS`, so that more jobs come.
 */
const BUSY = 10;
const MAX_WINDOW_MS = 200;
/** The most jobs that wait here. A job that is left out is listed after its first event. */
const MAX_QUEUED = 5_000;
/** The most jobs that wait for one of several indexes: one that does not answer must leave room for the others. */
const MAX_QUEUED_PER_INDEX = MAX_QUEUED / 2;
const TRIES = 4;
const FIRST_PAUSE_MS = 250;

interface Queued extends TenantJob {
  /** Whether the job was reported before, because it has left the outbox. */
  readonly again: boolean;
}

type Index = Pick<JobIndexClient, 'addAccepted' | 'indexes' | 'nameOf'>;

/**
 * Reports accepted jobs to the indexes of their tenants. Callers do not wait for that. A job that comes after a quiet time is sent
 * immediately, so that the caller's next request finds it in the list. After each call there is a pause, and jobs that come
 * meanwhile are sent together: a job may wait 200 ms after a burst. No index waits for another one.
 */
export class AcceptedFeed {
  readonly #index: Index;
  readonly #usage: UsageBook;
  readonly #log: Logger;
  /** The jobs for each index that has any, or had some a moment ago. */
  readonly #queues = new Map<string, Queued[]>();
  #queued = 0;
  #dropped = 0;

  constructor(index: Index, usage: UsageBook, log: Logger) {
    this.#index = index;
    this.#usage = usage;
    this.#log = log;
  }

  /**
   * Reports an accepted job to the index, later. Returns immediately and never throws.
   * @param bytes the size of its input as JSON
   */
  addAccepted(tenant: string, job: Job, bytes: number): void {
    this.#add({ tenant, job, bytes, again: false });
  }

  /** As {@link addAccepted}, for a job of the outbox that NATS has now. The index counts it already. */
  addPublished(tenant: string, job: Job, bytes: number): void {
    this.#add({ tenant, job, bytes, again: true });
  }

  #add(added: Queued): void {
    const { tenant, job, bytes, again } = added;
    const name = this.#index.nameOf(tenant);
    const queue = this.#queues.get(name);
    if (!this.#hasRoom(queue)) {
      this.#dropped++;
      return;
    }
    this.#usage.add(tenant, usageOfJob(job, bytes), again);
    this.#queued++;
    if (queue === undefined) this.#start(name, added);
    else queue.push(added);
  }

  #hasRoom(queue: readonly Queued[] = []): boolean {
    return this.#queued < MAX_QUEUED && (this.#index.indexes === 1 || queue.length < MAX_QUEUED_PER_INDEX);
  }

  #start(name: string, first: Queued): void {
    const queue = [first];
    this.#queues.set(name, queue);
    // The work belongs to no request, so its log lines must not carry the trace of the first request.
    context.with(withService(ROOT_CONTEXT, SERVICE.bridge), () => void this.#run(name, queue));
  }

  async #run(name: string, queue: Queued[]): Promise<void> {
    for (let windowMs = WINDOW_MS; queue.length > 0; ) {
      const batch = queue.splice(0, BATCH);
      this.#queued -= batch.length;
      await this.#sendBatch(name, batch);
      if (queue.length >= BATCH) continue;
      windowMs = windowAfter(batch.length, windowMs);
      await pause(windowMs);
    }
    this.#queues.delete(name);
  }

  async #sendBatch(name: string, jobs: readonly Queued[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        this.#settle(jobs, await this.#index.addAccepted(name, jobs));
        return;
      } catch (thrown) {
        if (attempt === TRIES) {
          this.#settle(jobs, []);
          return this.#giveUp(jobs.length, describeThrown(thrown));
        }
        await pause(FIRST_PAUSE_MS * 2 ** (attempt - 1));
      }
    }
  }

  /** Jobs that were reported are no longer counted here. */
  #settle(jobs: readonly Queued[], usages: readonly TenantUsage[]): void {
    for (const { tenant, job, bytes, again } of jobs)
      this.#usage.report(tenant, undefined, usageOfJob(job, bytes), again);
    for (const { tenant, usage } of usages) this.#usage.report(tenant, usage, NO_USAGE);
  }

  /** Logs that the index did not answer. No job is lost: each is listed after its first event. */
  #giveUp(count: number, reason: string): void {
    this.#log.warn('accepted jobs are not listed yet', { jobs: count + this.#dropped, reason });
    this.#dropped = 0;
  }
}

/** The time in which a whole batch comes, if jobs come as fast as before. @param jobs how many came in `ms` milliseconds */
function windowAfter(jobs: number, ms: number): number {
  if (jobs < BUSY) return WINDOW_MS;
  return Math.min(MAX_WINDOW_MS, Math.max(WINDOW_MS, (BATCH * ms) / jobs));
}
