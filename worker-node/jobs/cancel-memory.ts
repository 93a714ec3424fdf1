import { ThroughlineError } from '../../shared/errors.ts';
import type { CancelNotice } from '../../shared/wire/cancel.ts';
import type { JobAddress } from '../../shared/wire/subjects.ts';

const CAPACITY = 10_000;

/** A job that this worker has, from its delivery to its settlement. */
export class HeldJob {
  readonly address: JobAddress;
  /** Its message in `JOBS`. */
  readonly sequence: number;
  readonly #abort = new AbortController();
  #notice: CancelNotice | undefined;

  constructor(address: JobAddress, sequence: number) {
    this.address = address;
    this.sequence = sequence;
  }

  /** Aborts when the job is cancelled, with the cause that the operation's own signal gets. */
  get cancelled(): AbortSignal {
    return this.#abort.signal;
  }

  get notice(): CancelNotice | undefined {
    return this.#notice;
  }

  /** Cancels the job where the notice means this message of it. */
  take(notice: CancelNotice): void {
    const { tenant, jobId } = this.address;
    if (this.cancelled.aborted || notice.tenant !== tenant || notice.jobId !== jobId) return;
    if (notice.sequence < this.sequence) return;
    this.#notice = notice;
    this.#abort.abort(new ThroughlineError('job-cancelled', 'the job was cancelled by its caller'));
  }
}

/**
 * What this worker has heard of cancels, and the jobs it has. A job that was cancelled while its first delivery was
 * on its way is found here, without asking the broker. What was missed or is forgotten can be asked for.
 */
export class CancelMemory {
  readonly #capacity: number;
  readonly #notices = new Map<string, CancelNotice>();
  readonly #held = new Set<HeldJob>();

  constructor(capacity = CAPACITY) {
    this.#capacity = capacity;
  }

  get held(): readonly HeldJob[] {
    return [...this.#held];
  }

  /** Takes a job in; a notice that came before it counts. */
  hold(address: JobAddress, sequence: number): HeldJob {
    const job = new HeldJob(address, sequence);
    this.#held.add(job);
    const notice = this.#notices.get(keyOf(address));
    if (notice !== undefined) job.take(notice);
    return job;
  }

  release(job: HeldJob): void {
    this.#held.delete(job);
  }

  /** Remembers a notice, and ends the job it is about where this worker has it. */
  hear(notice: CancelNotice): void {
    const key = keyOf(notice);
    // Put behind the others: the oldest is forgotten first.
    this.#notices.delete(key);
    this.#notices.set(key, notice);
    this.#forget();
    for (const job of this.#held) job.take(notice);
  }

  #forget(): void {
    const [oldest] = this.#notices.keys();
    if (oldest !== undefined && this.#notices.size > this.#capacity) this.#notices.delete(oldest);
  }
}

function keyOf({ tenant, jobId }: { readonly tenant: string; readonly jobId: string }): string {
  return `${tenant}.${jobId}`;
}
