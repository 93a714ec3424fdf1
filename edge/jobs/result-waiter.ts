import type { SpanContext } from '@opentelemetry/api';
import { isTerminalEvent, type JobEvent } from '../../shared/job/event.ts';
import { extract, fromNatsHeaders } from '../../shared/propagation/index.ts';
import { readJobEvent } from '../../shared/wire/event-message.ts';
import { eventSubject } from '../../shared/wire/subjects.ts';
import type { BrokerConnection } from '../nats/broker-connection.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import { lastEvent } from './job-reader.ts';

/** The end of a job, and the span that sent word of it. */
export interface JobEnd {
  readonly event: JobEvent;
  readonly sentBy: SpanContext | undefined;
}

const RETRY_MS = 250;

/**
 * Waits for the terminal event of one job. It listens from its making on, so make it before the job is published;
 * over a lost connection it goes on with the next one, and looks up what it may have missed.
 */
export class ResultWaiter {
  readonly #connection: BrokerConnection;
  readonly #tenant: string;
  readonly #jobId: string;
  readonly #ended: Promise<JobEnd>;
  #end: (end: JobEnd) => void = () => undefined;
  #unsubscribe: () => void = () => undefined;
  #session: BrokerSession | undefined;
  #latest: JobEvent | undefined;

  /** @param session undefined while NATS is away: it listens from the next connection on */
  constructor(
    connection: BrokerConnection,
    session: BrokerSession | undefined,
    tenant: string,
    jobId: string,
  ) {
    this.#connection = connection;
    this.#session = session;
    this.#tenant = tenant;
    this.#jobId = jobId;
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    if (session !== undefined) this.#listen(session);
  }

  /** The last event that was seen, whatever its kind. */
  get latest(): JobEvent | undefined {
    return this.#latest;
  }

  /** The job's end, or undefined when `untilMs` (epoch milliseconds) passes first. Stops listening either way. */
  async end(untilMs: number): Promise<JobEnd | undefined> {
    try {
      for (;;) {
        const left = untilMs - Date.now();
        if (left <= 0) return undefined;
        const what = await this.#next(left);
        if (what !== 'lost') return what;
        await this.#resume(untilMs);
      }
    } finally {
      this.stop();
    }
  }

  /** Stops listening; safe to call twice. */
  stop(): void {
    this.#unsubscribe();
  }

  async #next(leftMs: number): Promise<JobEnd | 'lost' | undefined> {
    if (this.#session === undefined) return 'lost';
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), leftMs);
    });
    try {
      return await this.#session.lost.race(Promise.race([this.#ended, late]), (): 'lost' => 'lost');
    } finally {
      clearTimeout(timer);
    }
  }

  async #resume(untilMs: number): Promise<void> {
    while (Date.now() < untilMs) {
      try {
        const session = await this.#connection.session();
        this.#unsubscribe();
        this.#listen(session);
        const missed = await lastEvent(session, this.#tenant, this.#jobId);
        if (missed !== undefined) this.#take(missed, undefined);
        return;
      } catch {
        await scheduler.wait(Math.min(RETRY_MS, Math.max(0, untilMs - Date.now())));
      }
    }
  }

  #listen(session: BrokerSession): void {
    this.#session = session;
    this.#unsubscribe = session.subscribe(eventSubject(this.#tenant, this.#jobId), (data, headers) => {
      const event = readJobEvent(data);
      if (event !== undefined) this.#take(event, extract(fromNatsHeaders(headers)).spanContext);
    });
  }

  #take(event: JobEvent, sentBy: SpanContext | undefined): void {
    this.#latest = event;
    if (isTerminalEvent(event)) this.#end({ event, sentBy });
  }
}
