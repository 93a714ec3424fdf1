import {
  type Context,
  context,
  INVALID_SPAN_CONTEXT,
  type Span,
  type SpanContext,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { backoff } from '../../shared/backoff.ts';
import { errorFrom } from '../../shared/error-table.ts';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import type { JobAddress } from '../../shared/job/job-address.ts';
import { type Extraction, extract, fromNatsHeaders, startTrace } from '../../shared/propagation/index.ts';
import { ATTR } from '../../shared/trace/semantics.ts';
import { type JobMessage, repeatingSchedule } from '../../shared/wire/job-message.ts';
import { parseJobSubject } from '../../shared/wire/subjects.ts';
import type { DeliveryHandler } from '../broker/consume/consume-loop.ts';
import { checkBody, type Delivery } from '../broker/consume/delivery.ts';
import { type OpenMessage, OpenMessages } from '../broker/consume/open-messages.ts';
import { mayBeElsewhere } from '../broker/consume/pull-age.ts';
import { OWN_SLOT, type Slot } from '../broker/consume/slot.ts';
import { reportOf } from '../operations/thrown.ts';
import { inTraceOf } from '../telemetry/message-trace.ts';
import type { WorkerMetrics } from '../telemetry/metrics.ts';
import { keepOpen } from '../telemetry/spans/keep-open.ts';
import { JobLease } from './attempt/job-lease.ts';
import { AttemptRunner, type AttemptRunnerParts } from './attempt-runner.ts';
import { type CancelMemory, HeldJob } from './cancel-memory.ts';
import { type ClassifyParts, classify } from './classify.ts';
import { type DecodedMessage, decode } from './decode.ts';
import { EndRecorder, type EndRecorderParts } from './end-recorder.ts';
import { HandedBack } from './limits/handed-back.ts';
import type { Decoded, Ending, Opened, Recalled } from './pipeline-steps.ts';
import { describeContext, settleInSpan, startProcessSpan } from './process-span.ts';
import { type RecallParts, recall } from './recall.ts';
import { StopCalls } from './stop-calls.ts';

/**
 * The pause before a job is delivered again, if the worker itself failed: for example, the broker did not store an event.
 */
const OWN_FAILURE = { firstMs: 2_000, maxMs: 60_000 };

/** After such a delay, one trace of the job would show little more than the wait. */
const LATE_MS = 60 * 60 * 1_000;

interface PipelineParts extends RecallParts, ClassifyParts, AttemptRunnerParts, EndRecorderParts {
  readonly cancels: CancelMemory;
  readonly metrics: Pick<WorkerMetrics, 'jobSettled' | 'contextExtracted' | 'messageProcessed'> &
    AttemptRunnerParts['metrics'] &
    EndRecorderParts['metrics'];
  readonly ackWaitMs: number;
  /** Whether spans are recorded. If not, a job without a trace context still gets ids for its log lines. */
  readonly tracing: boolean;
}

/** Who sent a job. */
interface Sender {
  /** The context that the span of the delivery starts in. */
  readonly parent: Context;
  readonly sentBy: SpanContext | undefined;
}

/**
 * Handles deliveries of jobs. Each delivery goes down the same steps:
 * decode → recall → check → claim → run → classify → record → settle. Each delivery is settled exactly once, and `process`
 * never throws. `docs/ARCHITECTURE.md` describes the trip of a delivery.
 */
export class JobPipeline implements DeliveryHandler {
  readonly #parts: PipelineParts;
  readonly #messages = new OpenMessages();
  readonly #runner: AttemptRunner;
  readonly #recorder: EndRecorder;
  readonly #handedBack = new HandedBack();
  readonly #stops = new StopCalls();

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    this.#runner = new AttemptRunner(parts);
    this.#recorder = new EndRecorder(parts);
  }

  async process(delivery: Delivery, stop: AbortSignal, slot: Slot = OWN_SLOT): Promise<void> {
    const open = this.#messages.open(delivery);
    if (open === undefined) return this.#ignoreRepeat(delivery);
    const { asked } = delivery;
    if (mayBeElsewhere({ asked, ackWaitMs: this.#parts.ackWaitMs })) return this.#leaveAlone(open);
    const began = performance.now();
    const message = decode(delivery);
    const awayMs = this.#awayAgain(delivery, message.job);
    if (awayMs !== undefined) return this.#sendAway(open, awayMs);
    const extraction = extract(fromNatsHeaders(delivery.headers));
    const isLinked = this.#isLinked(message.job, extraction);
    const parent = isLinked ? this.#newTrace(extraction) : this.#parentOf(extraction);
    const sentIn = isLinked || extraction.spanContext === undefined ? undefined : parent;
    const span = this.#startSpan(delivery, message, { parent, sentBy: extraction.spanContext });
    const endSpan = keepOpen(span);
    await context.with(trace.setSpan(parent, span), async () => {
      this.#noteContext(span, extraction, message.address);
      const keepAlive = (): void => open.latest.working();
      const lease = new JobLease(this.#parts.ackWaitMs, keepAlive, delivery.asked);
      const ending = await this.#handle({ delivery, message, slot, span, sentIn, lease }, stop).catch(
        (thrown: unknown) => this.#endOwnFailure(delivery, span, thrown),
      );
      lease.stop();
      this.#messages.close(open);
      this.#settle(open.latest, message, span, lease.hasLapsed ? inDoubt(ending) : ending);
      endSpan();
      this.#parts.metrics.messageProcessed('jobs', performance.now() - began, ending.errorCode);
    });
  }

  async #handle(opened: Opened, stop: AbortSignal): Promise<Ending> {
    checkBody(opened.delivery);
    const schedule = repeatingSchedule(opened.message.values);
    if (schedule !== undefined) return this.#refuseRepetition(opened, schedule);
    const decoded = this.#decode(opened);
    const { abort } = decoded.held;
    const onStop = (): void => abort.abort(new ThroughlineError('worker-stopping', 'the worker is stopping'));
    this.#stops.add(stop, onStop);
    if (stop.aborted) onStop();
    try {
      const recalled = await recall(this.#parts, decoded);
      return await this.#carryOut(recalled).catch((thrown) => this.#endFaulty(recalled, thrown));
    } finally {
      this.#stops.delete(stop, onStop);
      this.#parts.cancels.release(decoded.held);
    }
  }

  async #carryOut(recalled: Recalled): Promise<Ending> {
    const ending = await this.#attempt(recalled);
    if (ending.conclusion === 'waiting') this.#handedBack.add(recalled.delivery);
    else this.#handedBack.delete(recalled.delivery);
    return ending;
  }

  async #attempt(recalled: Recalled): Promise<Ending> {
    const checked = this.#runner.check(recalled);
    if ('outcome' in checked) return await this.#recorder.record(classify(this.#parts, checked));
    try {
      const decided = await this.#runner.admitAndRun(checked);
      checked.slot.ending();
      return await this.#recorder.record(classify(this.#parts, decided));
    } finally {
      // After the end is recorded: by the events too, no more attempts than allowed run at the same time.
      checked.admission?.end();
    }
  }

  /**
   * How long a job stays away again if it came back too early: it still waits for a limit, or its operation is still paused.
   * This costs no request to the broker, and leaves no trace.
   */
  #awayAgain(delivery: Delivery, job: JobMessage): number | undefined {
    if (!this.#handedBack.has(delivery)) return undefined;
    const { cancels, limits, pauses, registry } = this.#parts;
    const operation = registry.get(job.address.operation);
    const held = cancels.hold(job.address, delivery.sequence);
    cancels.release(held);
    if (operation === undefined || held.notice !== undefined) return undefined;
    return pauses.awayMs(operation.name) ?? limits.awayAgain(job, operation);
  }

  #sendAway(open: OpenMessage, delayMs: number): void {
    this.#messages.close(open);
    this.#parts.metrics.jobSettled('waiting');
    open.latest.settle({ kind: 'nak', delayMs });
  }

  /** Nobody has accepted such a job, and it would come again for as long as its schedule is there. So it leaves no trace. */
  #refuseRepetition({ delivery, message }: Opened, schedule: string): Ending {
    const reason = 'it comes from a schedule that repeats';
    const fields = { job_id: message.address?.jobId, subject: delivery.subject, schedule, reason };
    this.#parts.log.warn(fields, 'message refused');
    return { conclusion: 'schedule-repeats', ack: { kind: 'term', reason } };
  }

  /** A cancel notice reaches the job from here on, unless the message is unreadable. */
  #decode(opened: Opened): Decoded {
    const { delivery } = opened;
    const { log, cancels } = this.#parts;
    const { job, address, fault, hasBadCallback } = opened.message;
    if (hasBadCallback)
      log.warn({ job_id: job.address.jobId }, 'callback cannot be read; the job runs without one');
    if (fault !== undefined)
      log.warn(
        { job_id: address?.jobId, subject: delivery.subject, reason: fault.message },
        'message refused',
      );
    const { sequence } = delivery;
    const held =
      fault === undefined ? cancels.hold(job.address, sequence) : new HeldJob(job.address, sequence);
    return { ...opened, job, fault, held };
  }

  #settle(delivery: Delivery, { address }: DecodedMessage, span: Span, { ack, conclusion }: Ending): void {
    settleInSpan(delivery, address, span, { ack, server: this.#parts.publisher.server });
    span.setAttribute(ATTR.jobOutcome, conclusion);
    this.#parts.metrics.jobSettled(conclusion);
  }

  /**
   * The worker has a fault, and another run could end in the same way, again and again. So the job ends.
   * @throws ThroughlineError `broker-unavailable`: then the broker failed, and the job comes back
   */
  async #endFaulty(recalled: Recalled, thrown: unknown): Promise<Ending> {
    const { code, message } = errorFrom(thrown);
    if (code === 'broker-unavailable') throw thrown;
    const report = reportOf(thrown);
    const outcome = { kind: 'reject', code: 'internal', message, report } as const;
    return await this.#recorder.record(classify(this.#parts, { ...recalled, outcome }));
  }

  /** The worker itself failed, not the job. The job is delivered again after a pause. */
  #endOwnFailure({ subject, deliveryCount }: Delivery, span: Span, thrown: unknown): Ending {
    const message = describeThrown(thrown);
    const fields = { job_id: parseJobSubject(subject)?.jobId, reason: message };
    this.#parts.log.error(fields, 'job not settled; it will be delivered again');
    const { type, summary, text } = reportOf(thrown);
    span.recordException({ name: type, message: summary, stack: text });
    const errorCode = errorFrom(thrown).code;
    span.setAttribute(ATTR.errorType, errorCode);
    span.setStatus({ code: SpanStatusCode.ERROR, message });
    const delayMs = backoff(deliveryCount, OWN_FAILURE, this.#parts.random());
    return { conclusion: 'unsettled', errorCode, ack: { kind: 'nak', delayMs } };
  }

  /** This process still handles the message: a keep-alive was late. The first delivery goes on. */
  #ignoreRepeat(delivery: Delivery): void {
    this.#warnOf(delivery, 'job is running here; delivered again too soon');
    this.#parts.metrics.jobSettled('superseded');
  }

  /** This process stood still, and another worker may have the job by now. */
  #leaveAlone(open: OpenMessage): void {
    this.#messages.close(open);
    this.#warnOf(open.first, 'message left alone: it came too late, and another worker may have it');
    this.#parts.metrics.jobSettled('superseded');
  }

  /** Logs a line about a delivery that has no span. */
  #warnOf({ headers, subject, deliveryCount }: Delivery, message: string): void {
    const fields = { job_id: parseJobSubject(subject)?.jobId, subject, delivery: deliveryCount };
    inTraceOf(headers, () => this.#parts.log.warn(fields, message));
  }

  /** A job that waits for a host with its operation is handed back many times. Only the first time has a span. */
  #startSpan(delivery: Delivery, { address }: DecodedMessage, { parent, sentBy }: Sender): Span {
    const isQuiet =
      address !== undefined && !this.#parts.registry.has(address.operation) && delivery.deliveryCount > 1;
    const { group, publisher } = this.#parts;
    if (!isQuiet)
      return startProcessSpan(delivery, address, { parent, sentBy, group, server: publisher.server });
    return trace.wrapSpanContext(trace.getSpanContext(parent) ?? INVALID_SPAN_CONTEXT);
  }

  /** Whether the attempt has a trace of its own. Never if the job's trace is not sampled: a new one might be. */
  #isLinked(job: JobMessage, { spanContext }: Extraction): boolean {
    if (this.#parts.registry.get(job.address.operation)?.tracing.late !== 'linked') return false;
    return ((spanContext?.traceFlags ?? 0) & TraceFlags.SAMPLED) !== 0 && isLate(job);
  }

  /** A context for a new trace, with the job's baggage. */
  #newTrace({ context: extracted }: Extraction): Context {
    const unrelated = trace.deleteSpan(extracted);
    return this.#parts.tracing ? unrelated : startTrace(unrelated);
  }

  #parentOf({ context: extracted, spanContext }: Extraction): Context {
    return spanContext === undefined && !this.#parts.tracing ? startTrace(extracted) : extracted;
  }

  /** Counts and logs how the trace context was read. A broken one never stops the job. */
  #noteContext(span: Span, extraction: Extraction, address: JobAddress | undefined): void {
    const { outcome, reason } = extraction;
    describeContext(span, extraction);
    this.#parts.metrics.contextExtracted(extraction);
    const fields = {
      job_id: address?.jobId,
      trace_outcome: outcome,
      ...(reason === undefined ? {} : { trace_reason: reason }),
    };
    if (outcome === 'invalid')
      this.#parts.log.warn(fields, 'trace context refused; the job starts a new trace');
    else this.#parts.log.debug(fields, 'trace context read');
  }
}

/**
 * What a process does that stood still: another worker may have the job by now, and a NAK would take it from that worker. If nobody has
 * it, it comes again. An event that was stored shows that nobody had begun the job.
 */
function inDoubt(ending: Ending): Ending {
  return ending.ack.kind === 'nak' && ending.event === undefined
    ? { ...ending, ack: { kind: 'none' } }
    : ending;
}

function isLate({ spec, acceptedAt }: JobMessage): boolean {
  if (spec.dueAt === undefined || acceptedAt === undefined) return false;
  return Date.parse(spec.dueAt) - Date.parse(acceptedAt) > LATE_MS;
}
