import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { describeThrown } from '../../shared/errors.ts';
import type { Job } from '../../shared/job/job.ts';
import { pause } from '../../shared/timers.ts';
import { SERVICE } from '../../shared/trace/semantics.ts';
import type { TenantJob } from '../calls/index-commands.ts';
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
  readonly #log: Logger;
  #queue: TenantJob[] = [];
  #dropped = 0;
  #running = false;

  constructor(index: Pick<JobIndexClient, 'addAccepted'>, log: Logger) {
    this.#index = index;
    this.#log = log;
  }

  /** Reports an accepted job to the index, later. Returns immediately and never throws. */
  addAccepted(tenant: string, job: Job): void {
    if (this.#queue.length === MAX_QUEUED) {
      this.#dropped++;
      return;
    }
    this.#queue.push({ tenant, job });
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
        await this.#index.addAccepted(jobs);
        return;
      } catch (thrown) {
        if (attempt === TRIES) return this.#giveUp(jobs.length, describeThrown(thrown));
        await pause(FIRST_PAUSE_MS * 2 ** (attempt - 1));
      }
    }
  }

  /** Logs that the index did not answer. No job is lost: each is listed after its first event. */
  #giveUp(count: number, reason: string): void {
    this.#log.warn('accepted jobs are not listed yet', { jobs: count + this.#dropped, reason });
    this.#dropped = 0;
  }
}
