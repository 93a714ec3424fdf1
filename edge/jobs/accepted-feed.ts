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

/** Jobs in one call to the index, and the shortest time between two calls. */
const BATCH = 100;
const WINDOW_MS = 50;
/** The most jobs that wait here. A job that is left out is listed after its first event. */
const MAX_QUEUED = 5_000;
const TRIES = 4;
const FIRST_PAUSE_MS = 250;

/**
 * Reports accepted jobs to the index. Callers do not wait for that. A single job is sent immediately, so that the caller's
 * next request finds the job in the list. Under load, jobs are sent in batches.
 */
export class AcceptedFeed {
  readonly #index: Pick<JobIndexClient, 'addAccepted'>;
  readonly #usage: UsageBook;
  readonly #log: Logger;
  #queue: TenantJob[] = [];
  #dropped = 0;
  #running = false;

  constructor(index: Pick<JobIndexClient, 'addAccepted'>, usage: UsageBook, log: Logger) {
    this.#index = index;
    this.#usage = usage;
    this.#log = log;
  }

  /**
   * Reports an accepted job to the index, later. Returns immediately and never throws.
   * @param bytes the size of its input as JSON
   */
  addAccepted(tenant: string, job: Job, bytes: number): void {
    if (this.#queue.length === MAX_QUEUED) {
      this.#dropped++;
      return;
    }
    this.#usage.add(tenant, usageOfJob(job, bytes));
    this.#queue.push({ tenant, job, bytes });
    if (this.#running) return;
    this.#running = true;
    // The work belongs to no request, so its log lines must not carry the trace of the first request.
    context.with(withService(ROOT_CONTEXT, SERVICE.bridge), () => void this.#run());
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      await this.#sendBatch(this.#queue.splice(0, BATCH));
      if (this.#queue.length < BATCH) await pause(WINDOW_MS);
    }
    this.#running = false;
  }

  async #sendBatch(jobs: readonly TenantJob[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        this.#settle(jobs, await this.#index.addAccepted(jobs));
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
  #settle(jobs: readonly TenantJob[], usages: readonly TenantUsage[]): void {
    for (const { tenant, job, bytes } of jobs) this.#usage.report(tenant, undefined, usageOfJob(job, bytes));
    for (const { tenant, usage } of usages) this.#usage.report(tenant, usage, NO_USAGE);
  }

  /** Logs that the index did not answer. No job is lost: each is listed after its first event. */
  #giveUp(count: number, reason: string): void {
    this.#log.warn('accepted jobs are not listed yet', { jobs: count + this.#dropped, reason });
    this.#dropped = 0;
  }
}
