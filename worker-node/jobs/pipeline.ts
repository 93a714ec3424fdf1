import type { JetStreamManager, JsMsg } from '@nats-io/jetstream';
import { type Context, context, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import { backoff } from '../../shared/backoff.ts';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import { isTerminalEvent, type JobEvent } from '../../shared/job/event.ts';
import type { Progress } from '../../shared/job/job.ts';
import { type Extraction, extract, fromNatsHeaders, startTrace } from '../../shared/propagation/index.ts';
import { ATTR } from '../../shared/trace/semantics.ts';
import { asksForCallback, readCallback } from '../../shared/wire/callback.ts';
import { headerValues } from '../../shared/wire/headers.ts';
import { type JobMessage, readJobMessage } from '../../shared/wire/job-message.ts';
import { readRedrive } from '../../shared/wire/redrive.ts';
import { parseJobSubject } from '../../shared/wire/subjects.ts';
import type { BrokerRetry } from '../broker/broker-retry.ts';
import { addressOfUnreadable, bury } from '../broker/dead-letters.ts';
import type { EventPublisher } from '../broker/event-publisher.ts';
import { type JobRecord, readJobRecord } from '../broker/job-record.ts';
import { type Settlement, settle } from '../broker/settlement.ts';
import type { WorkerLogger } from '../log.ts';
import type { OperationRegistry } from '../operations/operation-registry.ts';
import type { WorkerMetrics } from '../telemetry/metrics.ts';
import { type Attempt, attemptOf, eventOf } from './attempt.ts';
import type { CancelMemory, HeldJob } from './cancel-memory.ts';
import { type Concluded, type ConcludeParts, type Conclusion, conclude, recordEnd } from './conclude.ts';
import { Deliveries } from './deliveries.ts';
import { JobHistory } from './job-history.ts';
import { describeAttempt, noteCancel, noteFailure, startProcessSpan } from './process-span.ts';
import { ProgressThrottle } from './progress-throttle.ts';
import { isOver, recalled, redriveCountOf } from './redrive-count.ts';
import { type AttemptOutcome, runOperation } from './run-operation.ts';
import { Semaphore } from './semaphore.ts';

/** After a failure of our own (the broker will not take an event), the job comes back after this pause. */
const OWN_FAILURE = { minDelayMs: 2_000, maxDelayMs: 60_000 };
/** How often a message is kept alive within its ack wait: an event loop that stands still for 4/5 of it costs nothing. */
const KEEP_ALIVES = 5;
/** The sequence to expect where a job has no event. */
const NO_EVENT = 0;
const NOTHING: JobRecord = { event: undefined, last: NO_EVENT, cancel: undefined };
const CANCELLED = { kind: 'cancelled' } as const;
const SUPERSEDED = { kind: 'superseded' } as const;

export interface PipelineParts extends ConcludeParts {
  readonly events: EventPublisher;
  readonly retry: BrokerRetry;
  readonly manager: JetStreamManager;
  readonly cancels: CancelMemory;
  readonly registry: OperationRegistry;
  readonly log: WorkerLogger;
  readonly metrics: WorkerMetrics;
  /** Whether the message may have been delivered before, by a consumer that was deleted since. */
  readonly mayBeOlder: (message: JsMsg) => boolean;
  readonly group: string;
  readonly ackWaitMs: number;
  /** Whether spans are recorded; if not, a job without a context still gets ids for its log lines. */
  readonly tracing: boolean;
}

/** The attempt's outcome, or the end that the job had come to without it. */
type RunOutcome = AttemptOutcome | { readonly kind: 'ended'; readonly event: JobEvent };

/** What goes with one attempt through its run. */
interface RunParts {
  readonly record: JobRecord;
  readonly isCopy: boolean;
  readonly held: HeldJob;
  /** Aborts when the job is cancelled, or another delivery's, with the cause. */
  readonly cut: AbortSignal;
  readonly history: JobHistory;
  /** Aborts when the worker may wait for its jobs no longer. */
  readonly stop: AbortSignal;
}

interface Settled {
  readonly conclusion: Conclusion | 'duplicate' | 'unreadable' | 'unsettled';
  readonly settlement: Settlement;
}

/**
 * What happens to one delivery, top to bottom: extract → start span → decode → recall what is recorded → run under a
 * deadline → record → settle → end span. It settles exactly once, and never throws.
 */
export class JobPipeline {
  readonly #parts: PipelineParts;
  readonly #limits = new Map<string, Semaphore>();
  readonly #deliveries = new Deliveries();

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    for (const { name, concurrency } of parts.registry.values())
      this.#limits.set(name, new Semaphore(concurrency));
  }

  /** @param stop aborts when the worker may wait for its jobs no longer */
  async process(message: JsMsg, stop: AbortSignal): Promise<void> {
    const delivery = this.#deliveries.take(message);
    if (delivery === undefined) return this.#noteRepeat(message);
    const extraction = extract(fromNatsHeaders(message.headers));
    const parent = this.#parentOf(extraction);
    const span = startProcessSpan(message, parent, this.#parts.group);
    await context.with(trace.setSpan(parent, span), async () => {
      this.#noteContext(span, extraction);
      const keepAlive = setInterval(() => delivery.latest.working(), this.#parts.ackWaitMs / KEEP_ALIVES);
      const settled = await this.#handle(message, span, stop).catch((thrown: unknown) =>
        this.#failOwn(message, span, thrown),
      );
      clearInterval(keepAlive);
      this.#deliveries.end(delivery);
      settle(delivery.latest, settled.settlement);
      span.setAttribute(ATTR.jobOutcome, settled.conclusion);
      this.#parts.metrics.jobSettled(settled.conclusion);
      span.end();
    });
  }

  /** This process could not keep its message alive in time, and got it once more. The job runs, and is not run beside itself. */
  #noteRepeat({ subject, info }: JsMsg): void {
    this.#parts.log.warn(
      { subject, delivery: info.deliveryCount },
      'job is running here; delivered again too soon',
    );
    this.#parts.metrics.jobSettled('superseded');
  }

  #parentOf({ context: extracted, spanContext }: Extraction): Context {
    return spanContext === undefined && !this.#parts.tracing ? startTrace(extracted) : extracted;
  }

  /** A context that arrived broken is named and counted, and never costs the job. */
  #noteContext(span: Span, extraction: Extraction): void {
    const { outcome, reason } = extraction;
    span.setAttribute(ATTR.traceOutcome, outcome);
    if (reason !== undefined) span.setAttribute(ATTR.traceReason, reason);
    this.#parts.metrics.contextExtracted(extraction);
    const fields = { trace_outcome: outcome, ...(reason === undefined ? {} : { trace_reason: reason }) };
    if (outcome === 'invalid')
      this.#parts.log.warn(fields, 'trace context refused; the job starts a new trace');
    else this.#parts.log.debug(fields, 'trace context read');
  }

  async #handle(message: JsMsg, span: Span, stop: AbortSignal): Promise<Settled> {
    const job = decode(message);
    if (job instanceof ThroughlineError) return await this.#refuse(message, span, job);
    this.#checkCallback(message, job);
    const held = this.#parts.cancels.hold(job.address, message.seq);
    try {
      return await this.#handleJob(message, job, span, held, stop);
    } finally {
      this.#parts.cancels.release(held);
    }
  }

  async #handleJob(
    message: JsMsg,
    job: JobMessage,
    span: Span,
    held: HeldJob,
    stop: AbortSignal,
  ): Promise<Settled> {
    const record = await this.#recall(message, job, held);
    const previous = record.event;
    if (previous !== undefined && isOver(previous, redriveCountOf(job)))
      return await this.#skip(job, previous);
    if (record.cancel !== undefined) held.take(record.cancel);
    const operation = this.#parts.registry.get(job.address.operation);
    const attempt = attemptOf(message, job, operation, previous, new Date());
    describeAttempt(span, attempt);
    const cut = new AbortController();
    held.cancelled.addEventListener('abort', () => cut.abort(held.cancelled.reason), { once: true });
    const history = new JobHistory(this.#parts, attempt, record.last, (cause) => cut.abort(cause));
    const isCopy = this.#isCopy(message, job);
    const came = held.cancelled.aborted
      ? CANCELLED
      : await this.#run(attempt, { record, isCopy, held, cut: cut.signal, history, stop });
    if (came.kind === 'ended') return await this.#skip(job, came.event);
    const outcome = held.cancelled.aborted && isUnfinished(came) ? CANCELLED : came;
    noteFailure(span, outcome);
    if (outcome.kind === 'cancelled') noteCancel(span, held);
    const concluded = await conclude(this.#parts, message, attempt, outcome, history);
    this.#logEnd(attempt, outcome, concluded);
    return concluded;
  }

  /**
   * What is on record for a job. For a first delivery of a job that was never redriven that is not looked up: there can be nothing,
   * and if there is, the attempt does not begin. It is where the job was cancelled, and where the message may be an old
   * one in spite of its delivery count.
   */
  async #recall(message: JsMsg, job: JobMessage, held: HeldJob): Promise<JobRecord> {
    const redriveCount = redriveCountOf(job);
    const isFirst = message.info.deliveryCount === 1 && redriveCount === 0;
    const isNew = job.publishedAgain !== true && !this.#parts.mayBeOlder(message);
    if (isFirst && isNew && !held.cancelled.aborted) return NOTHING;
    const { retry, manager } = this.#parts;
    const { tenant, jobId } = job.address;
    const record = await retry.run('job records cannot be read', () => readJobRecord(manager, tenant, jobId));
    return { ...record, event: recalled(record.event, redriveCount) };
  }

  async #run(attempt: Attempt, parts: RunParts): Promise<RunOutcome> {
    const { held, cut, history, stop } = parts;
    const { operation, number, maxAttempts } = attempt;
    const { operation: name, tenant, jobId } = attempt.job.address;
    const log = this.#parts.log;
    const fields = { job_id: jobId, operation: name, tenant, attempt: number, queue_ms: attempt.queueTimeMs };
    if (number > maxAttempts) {
      return { kind: 'reject', code: 'attempts-spent', message: `none of ${maxAttempts} attempts ended` };
    }
    if (operation === undefined) {
      return { kind: 'retry', code: 'operation-missing', message: `this worker does not have ${name}` };
    }
    log.info(fields, 'job started');
    const limit = this.#limits.get(name) ?? new Semaphore(Number.POSITIVE_INFINITY);
    const running = limit.run(async (): Promise<RunOutcome> => {
      if (stop.aborted) return { kind: 'released' };
      if (held.cancelled.aborted) return CANCELLED;
      const end = await this.#begin(attempt, parts);
      if (end !== undefined) return end;
      // Reported inside a span of the operation's own, it is still the attempt's.
      const tell = context.bind(context.active(), (value: Progress): void => {
        const event = eventOf(attempt, 'progress', this.#parts.worker, { progress: value });
        history.tell(event);
      });
      const progress = new ProgressThrottle(tell);
      const onProgress = (value: Progress): void => progress.report(value);
      try {
        return await runOperation(operation, attempt, { stop, cancelled: cut, log, onProgress });
      } finally {
        progress.stop();
      }
    });
    // A job that waits for its turn need not wait for it to be cancelled.
    return await Promise.race([running, cancelled(held.cancelled)]);
  }

  /**
   * Says that the attempt begins: the event is stored only if nothing happened to the job since it was looked at, and
   * nothing runs before it is. So nothing runs that has ended, whoever sends it again.
   * @returns what came of the attempt, where it must not begin
   */
  async #begin(
    attempt: Attempt,
    { record, isCopy, held, history }: RunParts,
  ): Promise<RunOutcome | undefined> {
    const started = eventOf(attempt, 'started', this.#parts.worker);
    const redriveCount = redriveCountOf(attempt.job);
    for (let known: JobRecord | undefined = record; known !== undefined; ) {
      const event = recalled(known.event, redriveCount);
      if (event !== undefined && isOver(event, redriveCount)) return { kind: 'ended', event };
      // What stands there now was written a moment ago: somebody has the job, unless it is the event of this very redrive.
      const isTaken = event !== undefined && event.kind !== 'redriven';
      if (isTaken && (isCopy || known !== record)) return SUPERSEDED;
      if (known.cancel !== undefined) held.take(known.cancel);
      if (held.cancelled.aborted) return CANCELLED;
      known = await history.claim(started);
    }
    return undefined;
  }

  /** Whoever wrote the message did not come by the edge, which would have said so. */
  #checkCallback({ headers }: JsMsg, { address, callback }: JobMessage): void {
    if (callback !== undefined || !asksForCallback(headerValues(headers))) return;
    this.#parts.log.warn({ job_id: address.jobId }, 'callback cannot be read; the job runs without one');
  }

  /**
   * Its end is recorded, only the acknowledgement was lost: it is never run again. Its callback may not have been
   * stored by then; an end from before a redrive is not known any more, and has no callback.
   */
  async #skip(job: JobMessage, previous: JobEvent): Promise<Settled> {
    if (isTerminalEvent(previous) && (previous.redriveCount ?? 0) === redriveCountOf(job))
      await this.#parts.callbacks.send(job, previous);
    this.#parts.log.info({ job_id: previous.jobId, state: previous.kind }, 'job ended before; not run again');
    return { conclusion: 'duplicate', settlement: { kind: 'ack' } };
  }

  /**
   * Whether this message cannot have begun its job: a job that has begun then has another message, whose delivery goes on
   * with it. Should that be lost, this one comes back after its ack wait, and is run.
   */
  #isCopy(message: JsMsg, job: JobMessage): boolean {
    return message.info.deliveryCount === 1 && redriveCountOf(job) === 0 && !this.#parts.mayBeOlder(message);
  }

  /** Not a job: kept for whoever sent it, and told to whoever watches it. */
  async #refuse(message: JsMsg, span: Span, error: ThroughlineError): Promise<Settled> {
    this.#parts.log.warn({ subject: message.subject, reason: error.message }, 'message refused');
    span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    span.setAttribute(ATTR.errorType, error.code);
    const address = parseJobSubject(message.subject) ?? addressOfUnreadable(message);
    const attempts = message.info.deliveryCount;
    await bury(this.#parts.publisher, message, address, { code: error.code, attempts });
    const values = headerValues(message.headers);
    const redrive = readRedrive(values);
    const job = {
      ...{ address, acceptedAt: undefined, maxAttempts: 1, timeoutMs: undefined, input: null },
      callback: readCallback(values),
      ...(redrive === undefined ? {} : { redrive }),
    };
    const attempt = attemptOf(message, job, undefined, undefined, new Date());
    const failure = { error: { code: error.code, message: error.message } };
    const history = new JobHistory(this.#parts, attempt, NO_EVENT);
    await recordEnd(this.#parts, attempt, eventOf(attempt, 'failed', this.#parts.worker, failure), history);
    return { conclusion: 'unreadable', settlement: { kind: 'term', reason: error.code } };
  }

  /** Something of ours failed; the job is not to blame and comes back. */
  #failOwn({ info }: JsMsg, span: Span, thrown: unknown): Settled {
    const message = describeThrown(thrown);
    this.#parts.log.error({ reason: message }, 'job not settled; it will be delivered again');
    span.setStatus({ code: SpanStatusCode.ERROR, message });
    const delayMs = backoff(info.deliveryCount, OWN_FAILURE, this.#parts.random());
    return { conclusion: 'unsettled', settlement: { kind: 'nak', delayMs } };
  }

  #logEnd(attempt: Attempt, outcome: AttemptOutcome, { conclusion }: Concluded): void {
    const { jobId, operation } = attempt.job.address;
    const fields = { job_id: jobId, operation, attempt: attempt.number, state: conclusion };
    if (conclusion === 'duplicate' || conclusion === 'superseded') {
      this.#parts.log.warn(fields, 'attempt came to nothing: another delivery of the job was first');
      return;
    }
    if ('code' in outcome)
      this.#parts.log.warn({ ...fields, code: outcome.code, reason: outcome.message }, 'attempt failed');
    else this.#parts.log.info(fields, 'job ended');
  }
}

function decode(message: JsMsg): JobMessage | ThroughlineError {
  try {
    return readJobMessage(message.subject, headerValues(message.headers), message.data);
  } catch (thrown) {
    return ThroughlineError.from(thrown, 'message-invalid');
  }
}

/** Whether the job would go on after this outcome. */
function isUnfinished({ kind }: AttemptOutcome): boolean {
  return kind === 'retry' || kind === 'retry-after' || kind === 'released';
}

function cancelled(signal: AbortSignal): Promise<typeof CANCELLED> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(CANCELLED);
    else signal.addEventListener('abort', () => resolve(CANCELLED), { once: true });
  });
}
