import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { describeThrown } from '../../shared/errors.ts';
import type { Job } from '../../shared/job/job.ts';
import { SERVICE } from '../../shared/trace/semantics.ts';
import type { AcceptedJob } from '../calls/index-commands.ts';
import type { Logger } from '../telemetry/log.ts';
import { withService } from '../telemetry/service.ts';

/** Jobs that are told of at once, and the shortest time between two tellings. */
const BATCH = 100;
const WINDOW_MS = 50;
/** More than this are not held: what is left out is listed when its first event comes. */
const MAX_WAITING = 5_000;
const TRIES = 4;
const FIRST_PAUSE_MS = 250;

/** Whom it tells. */
interface Listener {
  readonly tell: (jobs: readonly AcceptedJob[]) => Promise<void>;
}

/**
 * Tells the index of accepted jobs, behind the back of those who submit them: at once where none was told of a moment
 * ago, so that the caller's next request finds the job listed, and in batches under load.
 */
export class AcceptedFeed {
  readonly #listener: Listener;
  readonly #log: Logger;
  #waiting: AcceptedJob[] = [];
  #dropped = 0;
  #running = false;

  constructor(listener: Listener, log: Logger) {
    this.#listener = listener;
    this.#log = log;
  }

  /** Takes a job; returns at once and never throws. */
  add(tenant: string, job: Job): void {
    if (this.#waiting.length === MAX_WAITING) {
      this.#dropped++;
      return;
    }
    this.#waiting.push({ tenant, job });
    if (this.#running) return;
    this.#running = true;
    // It is nobody's request: what it logs must not carry the trace of whoever happened to come first.
    context.with(withService(ROOT_CONTEXT, SERVICE.bridge), () => void this.#run());
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#tell(this.#waiting.splice(0, BATCH));
      if (this.#waiting.length < BATCH) await pause(WINDOW_MS);
    }
    this.#running = false;
  }

  async #tell(jobs: readonly AcceptedJob[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#listener.tell(jobs);
        return;
      } catch (thrown) {
        if (attempt === TRIES) return this.#giveUp(jobs.length, describeThrown(thrown));
        await pause(FIRST_PAUSE_MS * 2 ** (attempt - 1));
      }
    }
  }

  /** The jobs themselves are safe: they are listed once their first event comes. */
  #giveUp(count: number, reason: string): void {
    this.#log.warn('accepted jobs are not listed yet', { jobs: count + this.#dropped, reason });
    this.#dropped = 0;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
