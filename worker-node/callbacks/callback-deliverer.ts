import { type Context, context, propagation, trace } from '@opentelemetry/api';
import { ERRORS, errorFrom } from '../../shared/error-table.ts';
import { describeThrown } from '../../shared/errors.ts';
import type { CallbackEvent } from '../../shared/job/callback-event.ts';
import { extract, fromNatsHeaders, inject, startTrace } from '../../shared/propagation/index.ts';
import { startInterval, startTimeLimit } from '../../shared/timers.ts';
import { describeError } from '../../shared/trace/describe-error.ts';
import { WORKER_ATTR } from '../../shared/trace/semantics.ts';
import { type CallbackTask, readCallbackTask } from '../../shared/wire/callback-task.ts';
import { headerValues } from '../../shared/wire/headers.ts';
import { parseCallbackSubject } from '../../shared/wire/subjects.ts';
import type { CallbackPublisher } from '../broker/callbacks/callback-publisher.ts';
import type { CallbackRecords } from '../broker/callbacks/callback-record.ts';
import type { DeliveryHandler } from '../broker/consume/consume-loop.ts';
import { type Ack, checkBody, type Delivery } from '../broker/consume/delivery.ts';
import { mayBeElsewhere } from '../broker/consume/pull-age.ts';
import type { WorkerLogger } from '../log.ts';
import { reportOf } from '../operations/thrown.ts';
import { inTraceOf } from '../telemetry/message-trace.ts';
import type { WorkerMetrics } from '../telemetry/metrics.ts';
import { type CallbackPast, NO_PAST, pastOf } from './callback-past.ts';
import { type CallbackSchedule, patienceOf, pauseAfter } from './callback-schedule.ts';
import type { CallbackSlots, Slot } from './callback-slots.ts';
import { describeVerdict, startCallbackSpan, withoutQuery } from './callback-span.ts';
import { traceOutcome } from './callback-trace.ts';
import {
  replyOf,
  type Verdict,
  verdictOfAnswer,
  verdictOfSilence,
  verdictOfThrow,
} from './callback-verdict.ts';
import { type SendCallbackParts, sendCallback } from './send-callback.ts';

/**
 * The pause before a task is delivered again, if the worker itself failed: for example, the broker did not store an
 * event.
 */
const OWN_FAILURE_DELAY_MS = 2_000;

interface DelivererParts extends SendCallbackParts {
  readonly callbacks: Pick<CallbackPublisher, 'record'>;
  readonly callbackRecords: Pick<CallbackRecords, 'last'>;
  readonly slots: CallbackSlots;
  readonly schedule: CallbackSchedule;
  readonly timeoutMs: number;
  readonly ackWaitMs: number;
  readonly metrics: Pick<
    WorkerMetrics,
    'callbackSettled' | 'callbackTraced' | 'contextExtracted' | 'messageProcessed'
  >;
  readonly log: WorkerLogger;
  readonly worker: string;
  /** Whether spans are recorded. If not, a task without a trace context still gets ids for its log lines. */
  readonly tracing: boolean;
  /** A number from 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
}

/** One delivery of a callback task. */
interface CallbackDelivery {
  readonly task: CallbackTask;
  /** The slot to send it with; undefined if it is given up instead. */
  readonly slot: Slot | undefined;
  /** 1 for the first attempt. Only recorded attempts count, so not those that were handed back. */
  readonly attempt: number;
  /** `traceparent` of the job's trace. */
  readonly ofJob: string | undefined;
  /** Aborts when the worker cannot wait any longer. */
  readonly stop: AbortSignal;
}

interface Ending {
  readonly outcome:
    | 'delivered'
    | 'retrying'
    | 'failed'
    /** Handed back because the worker stops. */
    | 'released'
    /** Handed back, or left alone, without a POST: there was no slot, the receiver was paused, or it came too early or too late. */
    | 'postponed'
    /** It had ended before, and only the acknowledgement was lost. */
    | 'repeated'
    | 'unreadable'
    | 'unsettled';
  readonly ack: Ack;
  /** The code of the error with which the delivery failed. */
  readonly errorCode?: string | undefined;
}

/**
 * Handles deliveries of callback tasks: read → slot → recall → start the span → POST → record → settle → end the span.
 * Each delivery is settled exactly once, and `process` never throws.
 */
export class CallbackDeliverer implements DeliveryHandler {
  readonly #parts: DelivererParts;

  constructor(parts: DelivererParts) {
    this.#parts = parts;
  }

  async process(delivery: Delivery, stop: AbortSignal): Promise<void> {
    const { log, metrics, ackWaitMs } = this.#parts;
    const { subject, headers, asked } = delivery;
    const job_id = parseCallbackSubject(subject)?.jobId;
    if (mayBeElsewhere({ asked, ackWaitMs })) {
      const line = 'callback left alone: its task came too late, and another worker may have it';
      inTraceOf(headers, () => log.warn({ job_id, subject }, line));
      return metrics.callbackSettled('postponed');
    }
    const began = performance.now();
    const keepAlive = startInterval(ackWaitMs / 3, delivery.working);
    const { outcome, ack, errorCode } = await this.#handle(delivery, stop).catch(
      (thrown: unknown): Ending => {
        const line = 'callback not settled; it will be delivered again';
        inTraceOf(headers, () => log.error({ job_id, reason: describeThrown(thrown) }, line));
        const ack: Ack = { kind: 'nak', delayMs: OWN_FAILURE_DELAY_MS };
        return { outcome: 'unsettled', errorCode: errorFrom(thrown).code, ack };
      },
    );
    keepAlive.stop();
    delivery.settle(ack);
    metrics.callbackSettled(outcome);
    metrics.messageProcessed('callbacks', performance.now() - began, errorCode);
  }

  async #handle(delivery: Delivery, stop: AbortSignal): Promise<Ending> {
    checkBody(delivery);
    const task = readCallbackTask(delivery.subject, headerValues(delivery.headers), delivery.data);
    if (task === undefined) {
      const { subject, headers } = delivery;
      const fields = { job_id: parseCallbackSubject(subject)?.jobId, subject };
      inTraceOf(headers, () => this.#parts.log.warn(fields, 'callback task refused: it cannot be read'));
      const ack: Ack = { kind: 'term', reason: 'unreadable' };
      return { outcome: 'unreadable', errorCode: 'message-invalid', ack };
    }
    const { tenant, url } = task;
    const claim = await this.#parts.slots.claim({ tenant, receiver: new URL(url).host }, stop);
    if (claim.kind === 'later' && !(claim.isPaused && this.#isTooOld(delivery)))
      return postponed(claim.delayMs);
    const slot = claim.kind === 'slot' ? claim : undefined;
    try {
      return await this.#resume(delivery, task, slot, stop);
    } finally {
      slot?.release('unsent');
    }
  }

  /** Whether all attempts would have been made by now, if the receiver had not been paused. */
  #isTooOld({ storedAt }: Delivery): boolean {
    return Date.now() - storedAt.getTime() > patienceOf(this.#parts.schedule);
  }

  /** Goes on after the last recorded attempt. */
  async #resume(
    delivery: Delivery,
    task: CallbackTask,
    slot: Slot | undefined,
    stop: AbortSignal,
  ): Promise<Ending> {
    const past = await this.#pastOf(delivery, task);
    if (past.hasEnded) return { outcome: 'repeated', ack: { kind: 'ack' } };
    if (past.waitMs > 0) return postponed(past.waitMs);
    const job = this.#traceOf(delivery);
    const attempt = past.attempts + 1;
    const span = startCallbackSpan(task, attempt, job);
    return await context.with(trace.setSpan(job, span), async () => {
      try {
        const ending = await this.#deliver({ task, slot, attempt, ofJob: inject(job).traceparent, stop });
        span.setAttribute(WORKER_ATTR.callbackOutcome, ending.outcome);
        return ending;
      } catch (thrown) {
        describeError(span, thrown);
        throw thrown;
      } finally {
        span.end();
      }
    });
  }

  async #pastOf(delivery: Delivery, task: CallbackTask): Promise<CallbackPast> {
    if (delivery.isFirst) return NO_PAST;
    const last = await this.#parts.callbackRecords.last(task.tenant, task.event.jobId);
    return pastOf(last, task, delivery, Date.now());
  }

  /** The job's trace, without its baggage: a callback never carries that. */
  #traceOf({ headers }: Delivery): Context {
    const extraction = extract(fromNatsHeaders(headers));
    this.#parts.metrics.contextExtracted(extraction, 'callback');
    const { context: extracted, spanContext } = extraction;
    const job = propagation.deleteBaggage(extracted);
    return spanContext === undefined && !this.#parts.tracing ? startTrace(job) : job;
  }

  async #deliver(callback: CallbackDelivery): Promise<Ending> {
    const { task, slot, attempt } = callback;
    const verdict = slot === undefined ? verdictOfSilence() : await this.#post(callback);
    if (verdict === 'released') {
      this.#parts.log.info({ job_id: task.event.jobId, attempt }, 'callback handed back');
      return { outcome: 'released', ack: { kind: 'nak', delayMs: 0 } };
    }
    describeVerdict(verdict);
    this.#logPause(task, slot?.release(replyOf(verdict)) ?? 0);
    const event = this.#eventOf(callback, verdict);
    await this.#parts.callbacks.record(task.tenant, event);
    this.#log(event, task, verdict);
    return endingOf(event);
  }

  /**
   * Posts the callback.
   * @returns `released` if the worker stopped first. Whether the callback arrived is not known, so it is sent again.
   */
  async #post({ task, ofJob, stop }: CallbackDelivery): Promise<Verdict | 'released'> {
    if (stop.aborted) return 'released';
    const { timeoutMs } = this.#parts;
    const deadline = startTimeLimit(timeoutMs);
    const traceparents = { ofJob, ofDelivery: inject(context.active()).traceparent };
    try {
      const signal = AbortSignal.any([deadline.signal, stop]);
      const answer = await sendCallback(this.#parts, task, traceparents, signal);
      this.#parts.metrics.callbackTraced(traceOutcome(answer.traceResponse, traceparents.ofDelivery));
      return verdictOfAnswer(answer, Date.now());
    } catch (thrown) {
      if (stop.aborted) return 'released';
      return verdictOfThrow(thrown, deadline.signal.aborted ? `no answer within ${timeoutMs} ms` : undefined);
    } finally {
      deadline.stop();
    }
  }

  #eventOf({ task, slot, attempt }: CallbackDelivery, verdict: Verdict): CallbackEvent {
    const { url, event } = task;
    const { schedule, worker, random } = this.#parts;
    const { status, error } = verdict;
    const { traceId = '', spanId = '' } = trace.getActiveSpan()?.spanContext() ?? {};
    const base = {
      jobId: event.jobId,
      url: withoutQuery(url),
      // The setting may have become smaller since the last attempt.
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
    if (slot === undefined || ERRORS[error.code].ack === 'term' || attempt >= schedule.maxAttempts)
      return { kind: 'callback-failed', ...base, ...failure };
    const retryInMs = pauseAfter(attempt, schedule, verdict.notBeforeMs, random());
    return { kind: 'callback-retrying', ...base, ...failure, retryInMs };
  }

  #logPause({ tenant, url }: CallbackTask, pauseMs: number): void {
    if (pauseMs === 0) return;
    const fields = { tenant, receiver: new URL(url).host, pause_ms: pauseMs };
    this.#parts.log.warn(fields, 'receiver does not answer; its callbacks wait');
  }

  #log(
    { kind, jobId, attempt, url, status, error, retryInMs }: CallbackEvent,
    { event }: CallbackTask,
    verdict: Verdict,
  ): void {
    const fields = { job_id: jobId, state: event.kind, attempt, url, status, retry_in_ms: retryInMs };
    if (error === undefined) this.#parts.log.info(fields, 'callback delivered');
    else {
      const what = kind === 'callback-failed' ? 'callback given up' : 'callback not delivered yet';
      const cause = verdict.error?.cause;
      const more = cause === undefined ? {} : { cause: reportOf(cause).summary };
      this.#parts.log.warn({ ...fields, code: error.code, reason: error.message, ...more }, what);
    }
  }
}

function postponed(delayMs: number): Ending {
  return { outcome: 'postponed', ack: { kind: 'nak', delayMs } };
}

function endingOf({ kind, retryInMs = 0, error }: CallbackEvent): Ending {
  if (kind === 'callback-delivered') return { outcome: 'delivered', ack: { kind: 'ack' } };
  const errorCode = error?.code;
  if (kind === 'callback-retrying')
    return { outcome: 'retrying', errorCode, ack: { kind: 'nak', delayMs: retryInMs } };
  return { outcome: 'failed', errorCode, ack: { kind: 'term', reason: errorCode ?? '' } };
}
