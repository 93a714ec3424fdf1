import { ThroughlineError } from '../../shared/errors.ts';
import type { JobAddress } from '../../shared/job/job-address.ts';
import { RenewedSet } from '../../shared/memory/renewed-set.ts';
import type { CancelNotice } from '../../shared/wire/cancel.ts';
import type { JobRecord } from '../broker/job-record.ts';
import type { RecordListener, WatchedJob } from '../broker/record-watch.ts';
import { AttemptAbort } from './attempt/attempt-abort.ts';
import type { EventChain } from './attempt/event-chain.ts';

const CAPACITY = 10_000;

/** A job that this worker has, from the delivery of the job until that delivery is settled. */
export class HeldJob implements WatchedJob {
  readonly address: JobAddress;
  /** The sequence of the job's message in `JOBS`. */
  readonly sequence: number;
  /** Ends the attempt of this delivery. */
  readonly abort = new AttemptAbort();
  #notice: CancelNotice | undefined;
  #chain: Pick<EventChain, 'see'> | undefined;

  constructor(address: JobAddress, sequence: number) {
    this.address = address;
    this.sequence = sequence;
  }

  /** The notice that cancelled the job, if there is one. The attempt may have been ended earlier for another reason. */
  get notice(): CancelNotice | undefined {
    return this.#notice;
  }

  /** From now on the job has an attempt here, which a record may end. */
  follow(chain: Pick<EventChain, 'see'>): void {
    this.#chain = chain;
  }

  /** Cancels the job, or ends its attempt, if the record says so. */
  see(record: JobRecord): void {
    if (record.cancel !== undefined) this.take(record.cancel);
    this.#chain?.see(record);
  }

  /** Cancels the job, if the notice is for this message of the job. A second notice changes nothing. */
  take(notice: CancelNotice): void {
    const { tenant, jobId } = this.address;
    if (this.#notice !== undefined || notice.tenant !== tenant || notice.jobId !== jobId) return;
    if (notice.sequence < this.sequence) return;
    this.#notice = notice;
    this.abort.abort(new ThroughlineError('job-cancelled', 'the job was cancelled by its caller'));
  }
}

/**
 * The jobs that this worker has, and the last cancel notices that the worker got. A caller may cancel a job while its
 * first delivery is on the way. The worker then finds the notice here, and does not have to ask the broker. Forgotten
 * notices can be read from the broker.
 */
export class CancelMemory implements RecordListener {
  readonly #capacity: number;
  readonly #notices = new Map<string, CancelNotice>();
  readonly #held = new RenewedSet<HeldJob>();

  constructor(capacity = CAPACITY) {
    this.#capacity = capacity;
  }

  get held(): readonly HeldJob[] {
    return this.#held.values();
  }

  /** Adds a job. A notice that came before the job cancels the job immediately. */
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

  /** Remembers a notice, and cancels its job if this worker has it. */
  hear(notice: CancelNotice): void {
    const key = keyOf(notice);
    // Deleting the notice first moves it to the end of the map. The oldest notice is at the front, and is forgotten
    // first.
    this.#notices.delete(key);
    this.#notices.set(key, notice);
    this.#forget();
    for (const job of this.#held.values()) job.take(notice);
  }

  #forget(): void {
    const [oldest] = this.#notices.keys();
    if (oldest !== undefined && this.#notices.size > this.#capacity) this.#notices.delete(oldest);
  }
}

function keyOf({ tenant, jobId }: { readonly tenant: string; readonly jobId: string }): string {
  return `${tenant}.${jobId}`;
}
