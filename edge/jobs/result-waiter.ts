import type { SpanContext } from '@opentelemetry/api';
import { valueWithin } from '../../shared/deadline.ts';
import { isTerminalEvent, type JobEvent } from '../../shared/job/event.ts';
import type { JobKey } from '../../shared/job/job-address.ts';
import { extract, fromNatsHeaders } from '../../shared/propagation/index.ts';
import { pause, startTimer } from '../../shared/timers.ts';
import { readJobEvent } from '../../shared/wire/event-message.ts';
import { eventSubject } from '../../shared/wire/subjects.ts';
import type { BrokerAccess } from '../nats/broker-connection.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import { lastEvent } from './job-reader.ts';

/** The end of a job, and the span that sent the event. The span is undefined if the event was looked up. */
export interface JobEnd {
  readonly event: JobEvent;
  readonly sentBy: SpanContext | undefined;
}

const RETRY_MS = 250;

/**
 * Waits for the last event of one job. If the connection is lost, the waiter uses the next one, and looks up the event
 * that it may have missed.
 */
export class ResultWaiter {
  readonly #connection: BrokerAccess;
  readonly #job: JobKey;
  readonly #ended = Promise.withResolvers<JobEnd>();
  #unsubscribe: () => void = () => undefined;
  #session: BrokerSession | undefined;
  #latest: JobEvent | undefined;
  #isStopped = false;

  private constructor(connection: BrokerAccess, job: JobKey) {
    this.#connection = connection;
    this.#job = job;
  }

  /**
   * Starts to listen. Call this before the job is published.
   * @param session undefined while NATS is away; then the waiter listens over the next session
   */
  static start(connection: BrokerAccess, session: BrokerSession | undefined, job: JobKey): ResultWaiter {
    const waiter = new ResultWaiter(connection, job);
    if (session !== undefined && !session.isClosed) waiter.#listen(session);
    return waiter;
  }

  /** The latest event that arrived, of any kind. */
  get latest(): JobEvent | undefined {
    return this.#latest;
  }

  /** The job's end; undefined if `untilMs` (epoch milliseconds) comes first. Stops listening in both cases. */
  async end(untilMs: number): Promise<JobEnd | undefined> {
    try {
      for (;;) {
        const left = untilMs - Date.now();
        if (left <= 0) return undefined;
        const next = await this.#next(left);
        if (next !== 'lost') return next;
        await valueWithin(this.#listenAgain(untilMs), untilMs - Date.now());
      }
    } finally {
      this.stop();
    }
  }

  /** Stops listening; safe to call twice. */
  stop(): void {
    this.#isStopped = true;
    this.#unsubscribe();
  }

  async #next(leftMs: number): Promise<JobEnd | 'lost' | undefined> {
    if (this.#session === undefined) return 'lost';
    const late = Promise.withResolvers<undefined>();
    const timer = startTimer(leftMs, () => late.resolve(undefined));
    try {
      const ended = Promise.race([this.#ended.promise, late.promise]);
      return await this.#session.lost.race(ended, (): 'lost' => 'lost');
    } finally {
      timer.stop();
    }
  }

  async #listenAgain(untilMs: number): Promise<void> {
    while (Date.now() < untilMs) {
      try {
        const session = await this.#connection.session();
        if (this.#isStopped) return;
        this.#unsubscribe();
        this.#listen(session);
        const missed = await lastEvent(session, this.#job.tenant, this.#job.jobId);
        if (missed !== undefined) this.#take(missed, undefined);
        return;
      } catch {
        await pause(Math.min(RETRY_MS, untilMs - Date.now()));
      }
    }
  }

  #listen(session: BrokerSession): void {
    this.#session = session;
    const subject = eventSubject(this.#job.tenant, this.#job.jobId);
    this.#unsubscribe = session.subscribe(subject, (data, headers) => {
      const event = readJobEvent(data);
      if (event !== undefined) this.#take(event, extract(fromNatsHeaders(headers)).spanContext);
    });
  }

  #take(event: JobEvent, sentBy: SpanContext | undefined): void {
    this.#latest = event;
    if (isTerminalEvent(event)) this.#ended.resolve({ event, sentBy });
  }
}
