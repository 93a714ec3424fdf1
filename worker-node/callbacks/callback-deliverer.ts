import type { JsMsg } from '@nats-io/jetstream';
import {
  type Context,
  context,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import type { CallbackEvent } from '../../shared/job/callback-event.ts';
import { extract, fromNatsHeaders, inject, startTrace } from '../../shared/propagation/index.ts';
import { ATTR } from '../../shared/trace/semantics.ts';
import { type CallbackTask, readCallbackTask } from '../../shared/wire/callback-task.ts';
import { headerValues } from '../../shared/wire/headers.ts';
import { type Settlement, settle } from '../broker/settlement.ts';
import type { WorkerLogger } from '../log.ts';
import type { WorkerMetrics } from '../telemetry/metrics.ts';
import type { CallbackEventPublisher } from './callback-event-publisher.ts';
import { type DeliveryParts, deliver } from './delivery.ts';
import { type CallbackSchedule, pauseAfter } from './schedule.ts';
import { type Verdict, verdictOfAnswer, verdictOfThrow } from './verdict.ts';

/** After a failure of our own (the broker did not take an event), the task comes back after this pause. */
const OWN_FAILURE_DELAY_MS = 2_000;
/** More deliveries than this many times the attempts never came to an end: the task ends its worker, each time. */
const UNFINISHED_FACTOR = 3;
const tracer = trace.getTracer('throughline-worker');

export interface DelivererParts extends DeliveryParts {
  readonly events: CallbackEventPublisher;
  readonly schedule: CallbackSchedule;
  readonly timeoutMs: number;
  readonly ackWaitMs: number;
  readonly metrics: Pick<WorkerMetrics, 'callbackSettled'>;
  readonly log: WorkerLogger;
  readonly worker: string;
  /** Whether spans are recorded; if not, a task without a context still gets ids for its log lines. */
  readonly tracing: boolean;
  readonly random: () => number;
}

type Outcome = 'delivered' | 'retrying' | 'failed' | 'released' | 'unreadable' | 'unsettled';

interface Settled {
  readonly outcome: Outcome;
  readonly settlement: Settlement;
}

/**
 * What happens to one delivery of a callback task: read → start span → POST → record what came of it → settle → end
 * span. It settles exactly once, and never throws.
 */
export class CallbackDeliverer {
  readonly #parts: DelivererParts;

  constructor(parts: DelivererParts) {
    this.#parts = parts;
  }

  /** @param stop aborts when the worker may wait no longer */
  async process(message: JsMsg, stop: AbortSignal): Promise<void> {
    const { log, metrics, ackWaitMs } = this.#parts;
    const keepAlive = setInterval(() => message.working(), ackWaitMs / 3);
    const { outcome, settlement } = await this.#handle(message, stop).catch((thrown: unknown): Settled => {
      log.error({ reason: describeThrown(thrown) }, 'callback not settled; it will be delivered again');
      return { outcome: 'unsettled', settlement: { kind: 'nak', delayMs: OWN_FAILURE_DELAY_MS } };
    });
    clearInterval(keepAlive);
    settle(message, settlement);
    metrics.callbackSettled(outcome);
  }

  async #handle(message: JsMsg, stop: AbortSignal): Promise<Settled> {
    const task = readCallbackTask(message.subject, headerValues(message.headers), message.data);
    if (task === undefined) {
      this.#parts.log.warn({ subject: message.subject }, 'callback task refused: it cannot be read');
      return { outcome: 'unreadable', settlement: { kind: 'term', reason: 'unreadable' } };
    }
    const job = this.#traceOf(message);
    const attempt = message.info.deliveryCount;
    const span = startSpan(task, attempt, job);
    return await context.with(trace.setSpan(job, span), async () => {
      try {
        const settled = await this.#attempt(task, attempt, inject(job).traceparent, stop);
        span.setAttribute(ATTR.callbackOutcome, settled.outcome);
        return settled;
      } catch (thrown) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: describeThrown(thrown) });
        throw thrown;
      } finally {
        span.end();
      }
    });
  }

  /** The job's trace, without its baggage, which no span or line of a delivery needs. */
  #traceOf(message: JsMsg): Context {
    const { context: extracted, spanContext } = extract(fromNatsHeaders(message.headers));
    const job = propagation.deleteBaggage(extracted);
    return spanContext === undefined && !this.#parts.tracing ? startTrace(job) : job;
  }

  async #attempt(
    task: CallbackTask,
    attempt: number,
    ofJob: string | undefined,
    stop: AbortSignal,
  ): Promise<Settled> {
    const verdict = await this.#try(task, attempt, ofJob, stop);
    if (verdict === 'released') {
      this.#parts.log.info({ job_id: task.event.jobId, attempt }, 'callback handed back');
      return { outcome: 'released', settlement: { kind: 'nak', delayMs: 0 } };
    }
    noteVerdict(verdict);
    const event = this.#eventOf(task, attempt, verdict);
    await this.#parts.events.record(task.tenant, event);
    this.#log(event, task);
    return settledBy(event);
  }

  /**
   * Deliveries that a stopping worker handed back count as attempts, so the last of them is made in any case: it is
   * given up only after it was tried, or when it was delivered far too often.
   */
  async #try(
    task: CallbackTask,
    attempt: number,
    ofJob: string | undefined,
    stop: AbortSignal,
  ): Promise<Verdict | 'released'> {
    if (stop.aborted) return 'released';
    if (attempt <= UNFINISHED_FACTOR * this.#parts.schedule.maxAttempts)
      return await this.#post(task, ofJob, stop);
    const spent = new ThroughlineError('attempts-spent', `${attempt} deliveries did not come to an end`);
    return { status: undefined, error: spent, notBeforeMs: 0 };
  }

  /** @returns `released` where the worker stopped first: whether it arrived is not known, so it is sent again */
  async #post(
    task: CallbackTask,
    ofJob: string | undefined,
    stop: AbortSignal,
  ): Promise<Verdict | 'released'> {
    const { timeoutMs } = this.#parts;
    const deadline = AbortSignal.timeout(timeoutMs);
    const trace = { ofJob, ofDelivery: inject(context.active()).traceparent };
    try {
      const answer = await deliver(this.#parts, task, trace, AbortSignal.any([deadline, stop]));
      return verdictOfAnswer(answer, Date.now());
    } catch (thrown) {
      if (stop.aborted) return 'released';
      return verdictOfThrow(thrown, deadline.aborted ? `no answer within ${timeoutMs} ms` : undefined);
    }
  }

  #eventOf({ url, event }: CallbackTask, attempt: number, verdict: Verdict): CallbackEvent {
    const { schedule, worker, random } = this.#parts;
    const { status, error } = verdict;
    const { traceId = '', spanId = '' } = trace.getActiveSpan()?.spanContext() ?? {};
    const base = {
      jobId: event.jobId,
      url: withoutQuery(url),
      // Of those that came to nothing, the last is still an attempt.
      attempt: Math.min(attempt, schedule.maxAttempts),
      maxAttempts: schedule.maxAttempts,
      at: new Date().toISOString(),
      worker,
      traceId,
      spanId,
      ...(status === undefined ? {} : { status }),
      ...(event.redriveCount === undefined ? {} : { redriveCount: event.redriveCount }),
    };
    if (error === undefined) return { kind: 'callback-delivered', ...base };
    const failure = { error: { code: error.code, message: error.message } };
    if (error.ack === 'term' || attempt >= schedule.maxAttempts)
      return { kind: 'callback-failed', ...base, ...failure };
    const retryInMs = pauseAfter(attempt, schedule, verdict.notBeforeMs, random());
    return { kind: 'callback-retrying', ...base, ...failure, retryInMs };
  }

  #log(
    { kind, jobId, attempt, url, status, error, retryInMs }: CallbackEvent,
    { event }: CallbackTask,
  ): void {
    const fields = { job_id: jobId, state: event.kind, attempt, url, status, retry_in_ms: retryInMs };
    if (error === undefined) this.#parts.log.info(fields, 'callback delivered');
    else {
      const what = kind === 'callback-failed' ? 'callback given up' : 'callback not delivered yet';
      this.#parts.log.warn({ ...fields, code: error.code, reason: error.message }, what);
    }
  }
}

function startSpan({ tenant, url, event }: CallbackTask, attempt: number, job: Context): Span {
  const attributes = {
    [ATTR.httpMethod]: 'POST',
    [ATTR.urlFull]: withoutQuery(url),
    [ATTR.serverAddress]: new URL(url).hostname,
    [ATTR.jobId]: event.jobId,
    [ATTR.jobTenant]: tenant,
    [ATTR.jobOutcome]: event.kind,
    ...(attempt > 1 ? { [ATTR.httpResendCount]: attempt - 1 } : {}),
  };
  return tracer.startSpan('send callback', { kind: SpanKind.CLIENT, attributes }, job);
}

function noteVerdict({ status, error }: Verdict): void {
  const span = trace.getActiveSpan();
  if (status !== undefined) span?.setAttribute(ATTR.httpStatus, status);
  if (error === undefined) return;
  span?.setAttribute(ATTR.errorType, status === undefined ? error.code : String(status));
  span?.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
}

function settledBy({ kind, retryInMs = 0, error }: CallbackEvent): Settled {
  if (kind === 'callback-delivered') return { outcome: 'delivered', settlement: { kind: 'ack' } };
  if (kind === 'callback-retrying')
    return { outcome: 'retrying', settlement: { kind: 'nak', delayMs: retryInMs } };
  return { outcome: 'failed', settlement: { kind: 'term', reason: error?.code ?? '' } };
}

function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}
