import type { StoredMsg } from '@nats-io/jetstream';
import type { JobEvent } from '../../../shared/job/event.ts';
import { DEAD_STREAM } from '../../../shared/nats/streams.ts';
import { deadSubject, eventSubject } from '../../../shared/wire/subjects.ts';
import type { Broker } from '../../../worker-node/broker/connection/broker.ts';
import { lastMessage } from '../../../worker-node/broker/last-message.ts';
import { type HeardAck, readAck } from './acks.ts';
import { type StoredEvent, storedEvents } from './stored-events.ts';
import type { SubmittedJob } from './submitted-job.ts';
import type { Heard, Tape } from './tape.ts';

/** How often the streams are read while something is waited for. */
const LOOK_MS = 150;

/** What NATS knows about one job, and what was published about it. */
export class JobView {
  readonly job: SubmittedJob;
  readonly #broker: Broker;
  readonly #tape: Tape;
  /** The stored events as last read, oldest first. */
  events: readonly StoredEvent[] = [];

  constructor(job: SubmittedJob, broker: Broker, tape: Tape) {
    this.job = job;
    this.#broker = broker;
    this.#tape = tape;
  }

  get eventSubject(): string {
    const { tenant, jobId } = this.job.address;
    return eventSubject(tenant, jobId);
  }

  /** The answers to deliveries of the job's message, keep-alives left out. */
  get answers(): readonly HeardAck[] {
    return this.acks.filter(({ kind }) => kind !== 'keep-alive');
  }

  /** All answers to deliveries of the job's message. */
  get acks(): readonly HeardAck[] {
    return this.#tape.all
      .map(readAck)
      .filter((ack) => ack !== undefined)
      .filter(({ sequence }) => sequence === this.job.sequence);
  }

  /** The stored end of the job. */
  get end(): StoredEvent | undefined {
    return this.events.findLast(({ isEnd }) => isEnd);
  }

  /** Kind and attempt of each event, such as `started 1, succeeded 1`. */
  get told(): string {
    const words = this.events.map(({ body }) => `${body.kind} ${body.attempt}`);
    return words.length === 0 ? 'no event' : words.join(', ');
  }

  /** The kinds of the events, progress left out. */
  get kinds(): readonly JobEvent['kind'][] {
    return this.events.map(({ body }) => body.kind).filter((kind) => kind !== 'progress');
  }

  /** Messages that were published on a subject, also those that NATS refused. */
  heardOn(subject: string): readonly Heard[] {
    return this.#tape.all.filter((heard) => heard.subject === subject);
  }

  /** Where on the tape a stored event is; -1 if it is not there. */
  placeOf({ data }: StoredEvent): number {
    const found = this.heardOn(this.eventSubject).findLast((heard) => Buffer.compare(heard.data, data) === 0);
    return found?.place ?? -1;
  }

  async read(): Promise<readonly StoredEvent[]> {
    this.events = await storedEvents(this.#broker.manager, this.eventSubject);
    return this.events;
  }

  /** The dead letter of the job, as the stream has it. */
  async deadLetter(): Promise<StoredMsg | undefined> {
    return await lastMessage(this.#broker.manager, DEAD_STREAM, deadSubject(this.job.address));
  }

  /** Reads the events until `holds`. @returns whether it did, within `ms` */
  async until(holds: () => boolean | Promise<boolean>, ms: number): Promise<boolean> {
    const deadline = performance.now() + ms;
    for (;;) {
      await this.read();
      if (await holds()) return true;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return false;
      await this.#tape.next(Math.min(LOOK_MS, leftMs));
    }
  }

  /**
   * Waits until the end of the job is stored and its message was answered. The events are read again after the answer: those
   * that were read before it may be from before a redrive.
   */
  async untilEnded(ms: number): Promise<boolean> {
    return await this.until(async () => {
      if (!this.answers.some(isFinal)) return false;
      await this.read();
      return this.end !== undefined;
    }, ms);
  }
}

function isFinal({ kind }: HeardAck): boolean {
  return kind === 'ack' || kind === 'term';
}
