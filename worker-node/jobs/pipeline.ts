import type { JetStreamManager, JsMsg } from '@nats-io/jetstream';
import { type Context, context, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import type { JobEvent } from '../../shared/event.ts';
import type { Progress } from '../../shared/job.ts';
import { type Extraction, extract, fromNatsHeaders, startTrace } from '../../shared/propagation/index.ts';
import { readRedrive } from '../../shared/redrive.ts';
import { ATTR, MESSAGING_SYSTEM, TEMPLATE } from '../../shared/semantics.ts';
import { parseJobSubject } from '../../shared/subjects.ts';
import { headerValues, type JobMessage, readJobMessage } from '../../shared/wire.ts';
import { addressOfUnreadable, bury } from '../broker/dead-letters.ts';
import { lastEvent } from '../broker/event-reader.ts';
import type { WorkerLogger } from '../log.ts';
import type { WorkerMetrics } from '../telemetry/metrics.ts';
import { type Attempt, attemptOf, eventOf } from './attempt.ts';
import { type ConcludeParts, type Conclusion, conclude } from './conclude.ts';
import type { OperationRegistry } from './operation-registry.ts';
import { ProgressThrottle } from './progress-throttle.ts';
import { isOver, recalled, roundOf } from './rounds.ts';
import { type AttemptOutcome, runOperation } from './run-operation.ts';
import { Semaphore } from './semaphore.ts';
import { type Settlement, settle } from './settlement.ts';

/** After a failure of our own (the broker did not take an event), the job comes back after this pause. */
const OWN_FAILURE_DELAY_MS = 2_000;
const tracer = trace.getTracer('throughline-worker');

export interface PipelineParts extends ConcludeParts {
  readonly manager: JetStreamManager;
  readonly registry: OperationRegistry;
  readonly log: WorkerLogger;
  readonly metrics: WorkerMetrics;
  readonly group: string;
  readonly ackWaitMs: number;
  /** Whether spans are recorded; if not, a job without a context still gets ids for its log lines. */
  readonly tracing: boolean;
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

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    for (const { name, concurrency } of parts.registry.values())
      this.#limits.set(name, new Semaphore(concurrency));
  }

  /** @param stop aborts when the worker may wait for its jobs no longer */
  async process(message: JsMsg, stop: AbortSignal): Promise<void> {
    const extraction = extract(fromNatsHeaders(message.headers));
    const parent = this.#parentOf(extraction);
    const span = this.#startSpan(message, parent);
    await context.with(trace.setSpan(parent, span), async () => {
      this.#noteContext(span, extraction);
      const keepAlive = setInterval(() => message.working(), this.#parts.ackWaitMs / 3);
      const settled = await this.#handle(message, span, stop).catch((thrown: unknown) =>
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

  async #handle(message: JsMsg, span: Span, stop: AbortSignal): Promise<Settled> {
    const job = decode(message);
    if (job instanceof ThroughlineError) return await this.#refuse(message, span, job);
    const previous = await this.#recall(message, job);
    if (previous !== undefined && isOver(previous, roundOf(job))) return this.#skip(previous);
    const operation = this.#parts.registry.get(job.address.operation);
    const attempt = attemptOf(message, job, operation, previous, new Date());
    describeAttempt(span, attempt);
    const outcome = await this.#run(attempt, stop);
    noteFailure(span, outcome);
    const settled = await conclude(this.#parts, message, attempt, outcome);
    this.#logEnd(attempt, outcome, settled.conclusion);
    return settled;
  }

  /** What is on record for a job that was delivered before. */
  async #recall(message: JsMsg, job: JobMessage): Promise<JobEvent | undefined> {
    if (message.info.deliveryCount === 1) return undefined;
    const { tenant, jobId } = job.address;
    return recalled(await lastEvent(this.#parts.manager, tenant, jobId), roundOf(job));
  }

  async #run(attempt: Attempt, stop: AbortSignal): Promise<AttemptOutcome> {
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
    return await limit.run(async () => {
      if (stop.aborted) return { kind: 'released' };
      this.#parts.events.tell(tenant, eventOf(attempt, 'started', this.#parts.worker));
      // Reported inside a span of the operation's own, it is still the attempt's.
      const tell = context.bind(context.active(), (value: Progress): void => {
        const event = eventOf(attempt, 'progress', this.#parts.worker, { progress: value });
        this.#parts.events.tell(tenant, event);
      });
      const progress = new ProgressThrottle(tell);
      const onProgress = (value: Progress): void => progress.report(value);
      try {
        return await runOperation(operation, attempt, { stop, log, onProgress });
      } finally {
        progress.stop();
      }
    });
  }

  /** Its end is recorded, only the acknowledgement was lost: it is never run again. */
  #skip(previous: JobEvent): Settled {
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
    const redrive = readRedrive(headerValues(message.headers));
    const job = {
      ...{ address, acceptedAt: undefined, maxAttempts: 1, timeoutMs: undefined, input: null },
      ...(redrive === undefined ? {} : { redrive }),
    };
    const attempt = attemptOf(message, job, undefined, undefined, new Date());
    const failure = { error: { code: error.code, message: error.message } };
    await this.#parts.events.record(address.tenant, eventOf(attempt, 'failed', this.#parts.worker, failure));
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
