import { context, trace } from '@opentelemetry/api';
import { describeThrown, ThroughlineError } from '../../../shared/errors.ts';
import { isTerminalEvent, type JobEvent } from '../../../shared/job/event.ts';
import { eventOfRedrive } from '../../../shared/job/redrive.ts';
import { describeError } from '../../../shared/trace/describe-error.ts';
import {
  type AppendResult,
  type EventPublisher,
  type OutgoingEvent,
  outgoingEvent,
  startSendSpan,
} from '../../broker/event-publisher.ts';
import type { JobRecord, JobRecords } from '../../broker/job-record.ts';
import type { WorkerLogger } from '../../log.ts';
import type { Attempt } from './attempt.ts';
import type { AttemptAbort } from './attempt-abort.ts';
import { isOver, redriveCountOf } from './redrive-count.ts';

/** Whether a delivery still has its job: `superseded` means that another delivery has it. */
export type Ownership = 'ours' | 'superseded' | 'ended';

export interface EventChainParts {
  readonly events: EventPublisher;
  readonly records: JobRecords;
  readonly log: WorkerLogger;
  readonly worker: string;
}

/**
 * Writes the events of one attempt, in order. Each event names the one that it follows, and the broker refuses an event
 * that does not follow the last one. The broker delivers a job again when its worker seems dead, so two attempts may
 * run. The later writer then finds the events of the other one. This works for as long as events are kept, which is
 * longer than the broker's duplicate window.
 */
export class EventChain {
  readonly #parts: EventChainParts;
  readonly #attempt: Attempt;
  readonly #abort: AttemptAbort;
  #lastSequence: number;
  #needsNewId = false;
  #written: Promise<unknown> = Promise.resolve();
  #progress: JobEvent | undefined;

  /**
   * @param lastSequence the sequence of the job's last event; 0: it has none
   * @param abort aborts with `attempt-superseded` when a record shows that the job is not ours any more
   */
  constructor(parts: EventChainParts, attempt: Attempt, lastSequence: number, abort: AttemptAbort) {
    this.#parts = parts;
    this.#attempt = attempt;
    this.#lastSequence = lastSequence;
    this.#abort = abort;
  }

  /**
   * Records that the attempt starts, if nothing happened to the job since its record was read.
   * @returns the sequence of the stored event, which is the fence of the attempt; or the new record if something did
   *   happen
   * @throws ThroughlineError `broker-unavailable`
   */
  async claim(started: JobEvent): Promise<number | JobRecord> {
    const outgoing = this.#outgoing(started);
    if (this.#follow(await this.#parts.events.append(outgoing, this.#place))) return this.#lastSequence;
    const record = await this.#read();
    this.#lastSequence = record.lastSequence;
    // The event was stored before, and the acknowledgement was lost.
    return this.#isOwn(record.event) ? record.lastSequence : record;
  }

  /**
   * Reads the job's record, and ends the attempt if it is not ours any more.
   * @throws ThroughlineError `broker-unavailable`
   */
  async look(): Promise<void> {
    this.see(await this.#read());
  }

  /**
   * Ends the attempt if the record shows that another one has the job, or that the job has ended. A record from before our
   * last event shows nothing.
   */
  see(record: JobRecord): void {
    if (record.lastSequence <= this.#lastSequence) return;
    const ownership = this.#judge(record);
    if (ownership === 'ours') return;
    const reason = ownership === 'ended' ? 'the job has ended' : 'another attempt has the job';
    this.#abort.abort(new ThroughlineError('attempt-superseded', reason));
  }

  /** Writes a progress report in the background. While another event is being written, only the latest report waits. */
  recordProgress(progress: JobEvent): void {
    const isQueued = this.#progress !== undefined;
    this.#progress = progress;
    if (isQueued) return;
    const write = context.bind(context.active(), () => this.#recordLatestProgress());
    // A report must not fail the attempt.
    this.#written = this.#written.then(write).catch((thrown: unknown) => {
      this.#parts.log.debug({ reason: describeThrown(thrown) }, 'event not stored');
    });
  }

  /**
   * Records how the attempt ended. A terminal event is stored unless the job has ended: the first end counts, also if it
   * is that of an attempt that lost the job. Any other event is stored only if no other delivery has the job.
   * @returns `ours` if the event is stored
   * @throws ThroughlineError `broker-unavailable`
   */
  async record(event: JobEvent): Promise<Ownership> {
    this.#progress = undefined;
    await this.#written;
    const outgoing = this.#outgoing(event);
    const span = startSendSpan(outgoing, this.#parts.events.server);
    try {
      return await context.with(trace.setSpan(context.active(), span), () => this.#append(outgoing));
    } catch (thrown) {
      describeError(span, thrown);
      throw thrown;
    } finally {
      span.end();
    }
  }

  /** Reads from the broker whether the job is still ours. @throws ThroughlineError `broker-unavailable` */
  async ownership(): Promise<Ownership> {
    await this.#written;
    const record = await this.#read();
    const ownership = this.#judge(record);
    // The next event may follow the last recorded one only if the job is ours.
    if (ownership === 'ours') this.#lastSequence = record.lastSequence;
    return ownership;
  }

  async #append(outgoing: OutgoingEvent): Promise<Ownership> {
    const { event } = outgoing;
    for (;;) {
      if (this.#follow(await this.#parts.events.append(outgoing, this.#place))) return 'ours';
      const record = await this.#read();
      // The event was stored before, and the acknowledgement was lost.
      if (this.#isOwn(record.event) && record.event?.kind === event.kind) return 'ours';
      const ownership = this.#judge(record);
      if (ownership === 'ended' || (ownership === 'superseded' && !isTerminalEvent(event))) return ownership;
      this.#lastSequence = record.lastSequence;
    }
  }

  async #recordLatestProgress(): Promise<void> {
    const latest = this.#progress;
    this.#progress = undefined;
    if (latest === undefined) return;
    const { events } = this.#parts;
    if (this.#follow(await events.appendOnce(this.#outgoing(latest), this.#place))) return;
    const record = await this.#read();
    // The last event is this attempt's own, and its acknowledgement was lost.
    if (this.#judge(record) === 'ours') this.#lastSequence = record.lastSequence;
    else this.see(record);
  }

  #judge({ event, isUnreadable }: JobRecord): Ownership {
    // Somebody else wrote the last event, so the job is not known to be ours.
    if (isUnreadable) return 'superseded';
    const redriveCount = redriveCountOf(this.#attempt.job);
    const known = eventOfRedrive(event, redriveCount);
    if (known === undefined || this.#isOwn(known)) return 'ours';
    return isOver(known, redriveCount) ? 'ended' : 'superseded';
  }

  #isOwn(event: JobEvent | undefined): boolean {
    return event?.worker === this.#parts.worker && event.startedAt === this.#attempt.startedAt;
  }

  get #place() {
    return { after: this.#lastSequence, needsNewId: this.#needsNewId };
  }

  /** @returns whether the event was stored */
  #follow(result: AppendResult): boolean {
    this.#needsNewId = result === 'duplicate';
    if (typeof result === 'number') this.#lastSequence = result;
    return typeof result === 'number';
  }

  #outgoing(event: JobEvent): OutgoingEvent {
    return outgoingEvent(this.#attempt.job.address.tenant, event);
  }

  #read(): Promise<JobRecord> {
    return this.#parts.records.read(this.#attempt.job.address);
  }
}
