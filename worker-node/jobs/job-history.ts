import type { JetStreamManager } from '@nats-io/jetstream';
import { context } from '@opentelemetry/api';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import { isTerminalEvent, type JobEvent } from '../../shared/job/event.ts';
import type { BrokerRetry } from '../broker/broker-retry.ts';
import type { Append, EventPlace, EventPublisher } from '../broker/event-publisher.ts';
import { type JobRecord, readJobRecord } from '../broker/job-record.ts';
import type { WorkerLogger } from '../log.ts';
import type { Attempt } from './attempt.ts';
import { isOver, recalled, redriveCountOf } from './redrive-count.ts';

/** Whose the job is: this attempt's; another delivery's, which goes on with it; or nobody's any more, since it ended. */
export type Standing = 'ours' | "another's" | 'over';

export interface JobHistoryParts {
  readonly events: EventPublisher;
  readonly manager: JetStreamManager;
  readonly retry: BrokerRetry;
  readonly log: WorkerLogger;
  readonly worker: string;
}

/**
 * The events of a job, as one attempt at it writes them: in order, and each only where the last one is the one that
 * this attempt knows. The broker delivers a job again when its worker seems dead, so two may have it; whoever comes
 * second to an end finds the first one's there. This holds for as long as events are kept, not only for the broker's
 * duplicate window.
 */
export class JobHistory {
  readonly #parts: JobHistoryParts;
  readonly #attempt: Attempt;
  readonly #onSuperseded: (cause: ThroughlineError) => void;
  #last: number;
  #anotherId = false;
  #written: Promise<unknown> = Promise.resolve();
  #progress: JobEvent | undefined;

  /**
   * @param last the sequence of the job's last event (0: it has none)
   * @param onSuperseded told when the job turns out to be over or another's while the attempt runs; gets the cause for
   *   the handler's signal
   */
  constructor(
    parts: JobHistoryParts,
    attempt: Attempt,
    last: number,
    onSuperseded: (cause: ThroughlineError) => void = () => undefined,
  ) {
    this.#parts = parts;
    this.#onSuperseded = onSuperseded;
    this.#attempt = attempt;
    this.#last = last;
  }

  /**
   * Says that the attempt begins, where the event it knows is still the last one.
   * @returns the record to judge anew, where it is not
   * @throws ThroughlineError `broker-unavailable`
   */
  async claim(started: JobEvent): Promise<JobRecord | undefined> {
    const { tenant } = this.#attempt.job.address;
    if (this.#follow(await this.#parts.events.claim(tenant, started, this.#place))) return undefined;
    const record = await this.#read();
    this.#last = record.last;
    // Its own, whose acknowledgement was lost.
    return this.#isOwn(record.event) ? undefined : record;
  }

  /** Tells how far the attempt is. While another event is on its way, only the latest report is kept. */
  tell(progress: JobEvent): void {
    const isOnItsWay = this.#progress !== undefined;
    this.#progress = progress;
    if (isOnItsWay) return;
    this.#inOrder(async () => {
      const latest = this.#progress;
      this.#progress = undefined;
      if (latest !== undefined) await this.#tell(latest);
    });
  }

  /**
   * Records what the attempt came to: returns once JetStream has it, or has shown that it is not for this attempt to
   * say. An end is recorded as long as there is none; anything else only if no other delivery has the job.
   * @throws ThroughlineError `broker-unavailable`
   */
  async record(event: JobEvent): Promise<Standing> {
    this.#progress = undefined;
    await this.#written;
    const { tenant } = this.#attempt.job.address;
    return await this.#parts.events.record(tenant, event, (append) => this.#record(event, append));
  }

  /** Whose the job is now, as the broker has it. @throws ThroughlineError `broker-unavailable` */
  async standing(): Promise<Standing> {
    await this.#written;
    const record = await this.#read();
    const standing = this.#judge(record);
    // It writes behind its own events; behind another's only where that is decided.
    if (standing === 'ours') this.#last = record.last;
    return standing;
  }

  async #record(event: JobEvent, append: (place: EventPlace) => Promise<Append>): Promise<Standing> {
    for (;;) {
      if (this.#follow(await append(this.#place))) return 'ours';
      const record = await this.#read();
      // Its own, whose acknowledgement was lost.
      if (this.#isOwn(record.event) && record.event?.kind === event.kind) return 'ours';
      const standing = this.#judge(record);
      if (standing === 'over' || (standing === "another's" && !isTerminalEvent(event))) return standing;
      this.#last = record.last;
    }
  }

  async #tell(event: JobEvent): Promise<void> {
    const { events } = this.#parts;
    if (this.#follow(await events.tell(this.#attempt.job.address.tenant, event, this.#place))) return;
    const record = await this.#read();
    // It was this attempt that wrote there, and an acknowledgement was lost.
    if (this.#judge(record) === 'ours') {
      this.#last = record.last;
      return;
    }
    const cause = new ThroughlineError('attempt-superseded', 'another delivery of the job goes on with it');
    this.#onSuperseded(cause);
  }

  #judge({ event }: JobRecord): Standing {
    const redriveCount = redriveCountOf(this.#attempt.job);
    const known = recalled(event, redriveCount);
    if (known === undefined || this.#isOwn(known)) return 'ours';
    return isOver(known, redriveCount) ? 'over' : "another's";
  }

  #isOwn(event: JobEvent | undefined): boolean {
    const { startedAt } = this.#attempt;
    return event?.worker === this.#parts.worker && event.startedAt === startedAt;
  }

  get #place(): EventPlace {
    return { after: this.#last, anotherId: this.#anotherId };
  }

  /** @returns whether it was stored */
  #follow(append: Append): boolean {
    this.#anotherId = append === 'duplicate';
    if (typeof append === 'number') this.#last = append;
    return typeof append === 'number';
  }

  async #read(): Promise<JobRecord> {
    const { retry, manager } = this.#parts;
    const { tenant, jobId } = this.#attempt.job.address;
    return await retry.run('job records cannot be read', () => readJobRecord(manager, tenant, jobId));
  }

  /** What is told must neither fail the attempt nor come out of turn. */
  #inOrder(write: () => Promise<void>): void {
    const bound = context.bind(context.active(), write);
    this.#written = this.#written.then(bound).catch((thrown: unknown) => {
      this.#parts.log.debug({ reason: describeThrown(thrown) }, 'event not stored');
    });
  }
}
