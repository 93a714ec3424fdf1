import type { JetStreamManager, JsMsg } from '@nats-io/jetstream';
import { type Context, context, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { asksForCallback, readCallback } from '../../shared/callback.ts';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import { isTerminalEvent, type JobEvent } from '../../shared/event.ts';
import type { Progress } from '../../shared/job.ts';
import { type Extraction, extract, fromNatsHeaders, startTrace } from '../../shared/propagation/index.ts';
import { readRedrive } from '../../shared/redrive.ts';
import { ATTR, MESSAGING_SYSTEM, TEMPLATE } from '../../shared/semantics.ts';
import { parseJobSubject } from '../../shared/subjects.ts';
import { headerValues, type JobMessage, readJobMessage } from '../../shared/wire.ts';
import { addressOfUnreadable, bury } from '../broker/dead-letters.ts';
import { type JobRecord, readJobRecord } from '../broker/job-record.ts';
import type { WorkerLogger } from '../log.ts';
import type { WorkerMetrics } from '../telemetry/metrics.ts';
import { type Attempt, attemptOf, eventOf } from './attempt.ts';
import type { CancelMemory, HeldJob } from './cancel-memory.ts';
import { type ConcludeParts, type Conclusion, conclude, recordEnd } from './conclude.ts';
import { Lease } from './lease.ts';
import type { OperationRegistry } from './operation-registry.ts';
import { ProgressThrottle } from './progress-throttle.ts';
import { isOver, recalled, roundOf } from './rounds.ts';
import { type AttemptOutcome, runOperation } from './run-operation.ts';
import { Semaphore } from './semaphore.ts';
import { type Settlement, settle } from './settlement.ts';

/** After a failure of our own (the broker did not take an event), the job comes back after this pause. */
const OWN_FAILURE_DELAY_MS = 2_000;
/** The sequence to expect where a job has no event. */
const NO_EVENT = 0;
const NOTHING: JobRecord = { event: undefined, last: NO_EVENT, cancel: undefined };
const CANCELLED = { kind: 'cancelled' } as const;
const tracer = trace.getTracer('throughline-worker');

export interface PipelineParts extends ConcludeParts {
  readonly manager: JetStreamManager;
  readonly cancels: CancelMemory;
  readonly registry: OperationRegistry;
  readonly log: WorkerLogger;
  readonly metrics: WorkerMetrics;
  readonly group: string;
  readonly ackWaitMs: number;
  /** Whether spans are recorded; if not, a job without a context still gets ids for its log lines. */
  readonly tracing: boolean;
}

/** The attempt's outcome, or the end that the job had come to without it. */
type RunOutcome = AttemptOutcome | { readonly kind: 'ended'; readonly event: JobEvent };

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

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    for (const { name, concurrency } of parts.registry.values())
      this.#limits.set(name, new Semaphore(concurrency));
  }

  /**
   * @param stop aborts when the worker may wait for its jobs no longer
   * @param pulledAt when the message was asked for, as `Date.now()` gives it
   */
  async process(message: JsMsg, stop: AbortSignal, pulledAt: number): Promise<void> {
    const lease = new Lease(message, pulledAt, this.#parts.ackWaitMs);
    const extraction = extract(fromNatsHeaders(message.headers));
    const parent = this.#parentOf(extraction);
    const span = this.#startSpan(message, parent);
    await context.with(trace.setSpan(parent, span), async () => {
      this.#noteContext(span, extraction);
      const keepAlive = setInterval(() => message.working(), this.#parts.ackWaitMs / 3);
      const settled = await this.#handle(message, lease, span, stop).catch((thrown: unknown) =>
        this.#failOwn(span, thrown),
      );
      clearInterval(keepAlive);
      settle(message, settled.settlement);
      span.setAttribute(ATTR.jobOutcome, settled.conclusion);
      this.#parts.metrics.jobSettled(settled.conclusion);
      span.end();
    });
  }

  #parentOf({ context: extracted, spanContext }: Extraction): Context {
    return spanContext === undefined && !this.#parts.tracing ? startTrace(extracted) : extracted;
  }

  #startSpan(message: JsMsg, parent: Context): Span {
    const address = parseJobSubject(message.subject);
    const attributes = {
      [ATTR.messagingSystem]: MESSAGING_SYSTEM,
      [ATTR.operationType]: 'process',
      [ATTR.operationName]: 'process',
      [ATTR.destinationName]: message.subject,
      [ATTR.destinationTemplate]: TEMPLATE.jobs,
      [ATTR.consumerGroup]: this.#parts.group,
      [ATTR.messageBodySize]: message.data.length,
      ...(address === undefined
        ? {}
        : {
            [ATTR.messageId]: address.jobId,
            [ATTR.jobId]: address.jobId,
            [ATTR.jobOperation]: address.operation,
            [ATTR.jobTenant]: address.tenant,
          }),
    };
    return tracer.startSpan(
      `process ${address?.operation ?? 'unknown'}`,
      { kind: SpanKind.CONSUMER, attributes },
      parent,
    );
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

  async #handle(message: JsMsg, lease: Lease, span: Span, stop: AbortSignal): Promise<Settled> {
    const job = decode(message);
    if (job instanceof ThroughlineError) return await this.#refuse(message, span, job);
    this.#checkCallback(message, job);
    const held = this.#parts.cancels.hold(job.address, message.seq);
    try {
      return await this.#handleJob(message, job, lease, span, held, stop);
    } finally {
      this.#parts.cancels.release(held);
    }
  }

  async #handleJob(
    message: JsMsg,
    job: JobMessage,
    lease: Lease,
    span: Span,
    held: HeldJob,
    stop: AbortSignal,
  ): Promise<Settled> {
    const record = await this.#recall(message, job, lease, held);
    const previous = record?.event;
    if (previous !== undefined && isOver(previous, roundOf(job))) return await this.#skip(job, previous);
    if (record?.cancel !== undefined) held.take(record.cancel);
    const operation = this.#parts.registry.get(job.address.operation);
    const attempt = attemptOf(message, job, operation, previous, new Date());
    describeAttempt(span, attempt);
    const came = held.cancelled.aborted ? CANCELLED : await this.#run(attempt, record, lease, held, stop);
    if (came.kind === 'ended') return await this.#skip(job, came.event);
    const outcome = held.cancelled.aborted && isUnfinished(came) ? CANCELLED : came;
    noteFailure(span, outcome);
    if (outcome.kind === 'cancelled') noteCancel(span, held);
    const settled = await conclude(this.#parts, message, attempt, outcome);
    this.#logEnd(attempt, outcome, settled.conclusion);
    return settled;
  }

  /**
   * What is on record for a job; undefined where there can be nothing. A first delivery of the first round needs no
   * look, unless it comes so late that another worker may have had the job meanwhile, or the job was published before,
   * longer ago than the broker remembers: nothing has happened to it, unless it was cancelled, and then the notice was
   * heard before. Where that may have been missed, the attempt begins only once the broker agrees that there is no event.
   */
  async #recall(
    message: JsMsg,
    job: JobMessage,
    lease: Lease,
    held: HeldJob,
  ): Promise<JobRecord | undefined> {
    const round = roundOf(job);
    const isFirst = message.info.deliveryCount === 1 && round === 0 && job.publishedAgain !== true;
    if (isFirst && lease.holds && !held.cancelled.aborted) {
      return this.#parts.cancels.isComplete(message.seq) ? undefined : NOTHING;
    }
    const record = await readJobRecord(this.#parts.manager, job.address.tenant, job.address.jobId);
    return { ...record, event: recalled(record.event, round) };
  }

  async #run(
    attempt: Attempt,
    record: JobRecord | undefined,
    lease: Lease,
    held: HeldJob,
    stop: AbortSignal,
  ): Promise<RunOutcome> {
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
      const end = await this.#begin(attempt, record, lease, held);
      if (end !== undefined) return { kind: 'ended', event: end };
      if (held.cancelled.aborted) return CANCELLED;
      // Reported inside a span of the operation's own, it is still the attempt's.
      const tell = context.bind(context.active(), (value: Progress): void => {
        const event = eventOf(attempt, 'progress', this.#parts.worker, { progress: value });
        this.#parts.events.tell(tenant, event);
      });
      const progress = new ProgressThrottle(tell);
      const onProgress = (value: Progress): void => progress.report(value);
      try {
        return await runOperation(operation, attempt, { stop, cancelled: held.cancelled, log, onProgress });
      } finally {
        progress.stop();
      }
    });
    // A job that waits for its turn need not wait for it to be cancelled.
    return await Promise.race([running, cancelled(held.cancelled)]);
  }

  /**
   * Says that the attempt begins. Where something was on record, somebody may be ending the job at this moment: the
   * event is then stored only if nothing happened since, and nothing runs before it is.
   * @returns the job's end, where it has ended; a job that turns out to be cancelled has not begun
   */
  async #begin(
    attempt: Attempt,
    record: JobRecord | undefined,
    lease: Lease,
    held: HeldJob,
  ): Promise<JobEvent | undefined> {
    const { tenant, jobId } = attempt.job.address;
    const started = eventOf(attempt, 'started', this.#parts.worker);
    // A job that had to wait for its turn may have been given away meanwhile.
    if (record === undefined && lease.holds) {
      this.#parts.events.tell(tenant, started, NO_EVENT);
      return undefined;
    }
    const round = roundOf(attempt.job);
    const read = (): Promise<JobRecord> => readJobRecord(this.#parts.manager, tenant, jobId);
    for (let known = record ?? (await read()); ; known = await read()) {
      const event = recalled(known.event, round);
      if (event !== undefined && isOver(event, round)) return event;
      if (known.cancel !== undefined) held.take(known.cancel);
      if (held.cancelled.aborted || (await this.#parts.events.claim(tenant, started, known.last)))
        return undefined;
    }
  }

  /** Whoever wrote the message did not come by the edge, which would have said so. */
  #checkCallback({ headers }: JsMsg, { address, callback }: JobMessage): void {
    if (callback !== undefined || !asksForCallback(headerValues(headers))) return;
    this.#parts.log.warn({ job_id: address.jobId }, 'callback cannot be read; the job runs without one');
  }

  /**
   * Its end is recorded, only the acknowledgement was lost: it is never run again. Its callback may not have been
   * stored by then; the end of an earlier round is not known any more, and has no callback.
   */
  async #skip(job: JobMessage, previous: JobEvent): Promise<Settled> {
    if (isTerminalEvent(previous) && (previous.round ?? 0) === roundOf(job))
      await this.#parts.callbacks.send(job, previous);
    this.#parts.log.info({ job_id: previous.jobId, state: previous.kind }, 'job ended before; not run again');
    return { conclusion: 'duplicate', settlement: { kind: 'ack' } };
  }

  /** Not a job: kept for whoever sent it, and told to whoever watches it. */
  async #refuse(message: JsMsg, span: Span, error: ThroughlineError): Promise<Settled> {
    this.#parts.log.warn({ subject: message.subject, reason: error.message }, 'message refused');
    span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    span.setAttribute(ATTR.errorType, error.code);
    const address = parseJobSubject(message.subject) ?? addressOfUnreadable(message);
    const attempts = message.info.deliveryCount;
    await bury(this.#parts.jetStream, message, address, { code: error.code, attempts });
    const values = headerValues(message.headers);
    const redrive = readRedrive(values);
    const job = {
      ...{ address, acceptedAt: undefined, maxAttempts: 1, timeoutMs: undefined, input: null },
      callback: readCallback(values),
      ...(redrive === undefined ? {} : { redrive }),
    };
    const attempt = attemptOf(message, job, undefined, undefined, new Date());
    const failure = { error: { code: error.code, message: error.message } };
    await recordEnd(this.#parts, attempt, eventOf(attempt, 'failed', this.#parts.worker, failure));
    return { conclusion: 'unreadable', settlement: { kind: 'term', reason: error.code } };
  }

  /** Something of ours failed; the job is not to blame and comes back. */
  #failOwn(span: Span, thrown: unknown): Settled {
    const message = describeThrown(thrown);
    this.#parts.log.error({ reason: message }, 'job not settled; it will be delivered again');
    span.setStatus({ code: SpanStatusCode.ERROR, message });
    return { conclusion: 'unsettled', settlement: { kind: 'nak', delayMs: OWN_FAILURE_DELAY_MS } };
  }

  #logEnd(attempt: Attempt, outcome: AttemptOutcome, conclusion: Conclusion): void {
    const { jobId, operation } = attempt.job.address;
    const fields = { job_id: jobId, operation, attempt: attempt.number, state: conclusion };
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

function describeAttempt(span: Span, attempt: Attempt): void {
  span.setAttribute(ATTR.jobAttempt, attempt.number);
  span.setAttribute(ATTR.queueTimeMs, attempt.queueTimeMs);
  const { outboxTimeMs } = attempt.job;
  if (outboxTimeMs !== undefined) span.setAttribute(ATTR.outboxTimeMs, outboxTimeMs);
  if (attempt.job.redrive !== undefined) span.setAttribute(ATTR.jobRound, attempt.job.redrive.round);
  const { previous } = attempt;
  // Before the first attempt of a round there is only word of its redrive, from the span that sent it.
  if (previous === undefined || previous.spanId === '' || previous.kind === 'redriven') return;
  // Each attempt is a child of the span that sent the job, and points at the attempt before it.
  const { traceId, spanId } = previous;
  span.addLink({ context: { traceId, spanId, traceFlags: span.spanContext().traceFlags } });
}

function noteFailure(span: Span, outcome: AttemptOutcome): void {
  if (!('code' in outcome)) return;
  span.setStatus({ code: SpanStatusCode.ERROR, message: outcome.message });
  span.setAttribute(ATTR.errorType, outcome.code);
}

/** Whether the job would go on after this outcome. */
function isUnfinished({ kind }: AttemptOutcome): boolean {
  return kind === 'retry' || kind === 'retry-after' || kind === 'released';
}

/** The request that cancelled has a trace of its own. */
function noteCancel(span: Span, { notice }: HeldJob): void {
  if (notice?.sentBy !== undefined) span.addLink({ context: notice.sentBy });
}

function cancelled(signal: AbortSignal): Promise<typeof CANCELLED> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(CANCELLED);
    else signal.addEventListener('abort', () => resolve(CANCELLED), { once: true });
  });
}
