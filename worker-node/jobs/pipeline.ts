import {
  type Context,
  context,
  INVALID_SPAN_CONTEXT,
  type Span,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { backoff } from '../../shared/backoff.ts';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import { isTerminalEvent, type JobEvent } from '../../shared/job/event.ts';
import { eventOfRedrive } from '../../shared/job/redrive.ts';
import { type Extraction, extract, fromNatsHeaders, startTrace } from '../../shared/propagation/index.ts';
import { startInterval } from '../../shared/timers.ts';
import { ATTR } from '../../shared/trace/semantics.ts';
import { parseJobSubject } from '../../shared/wire/subjects.ts';
import type { CallbackPublisher } from '../broker/callback-publisher.ts';
import type { DeliveryHandler } from '../broker/consume/consume-loop.ts';
import type { Delivery } from '../broker/consume/delivery.ts';
import { OpenMessages } from '../broker/consume/open-messages.ts';
import { moveToDeadLetters } from '../broker/dead-letters.ts';
import { EMPTY_RECORD, type JobRecord } from '../broker/job-record.ts';
import type { StoredPublisher } from '../broker/stored-publisher.ts';
import type { OperationRegistry } from '../operations/operation-registry.ts';
import { reportOf } from '../operations/thrown.ts';
import type { WorkerMetrics } from '../telemetry/metrics.ts';
import { attemptOf, eventOf } from './attempt.ts';
import { outcomeOfAbort } from './attempt-outcome.ts';
import { type CancelMemory, HeldJob } from './cancel-memory.ts';
import { type ClassifyParts, classify, endingOfOther, reportIn } from './classify.ts';
import { decode } from './decode.ts';
import { EventChain, type EventChainParts } from './event-chain.ts';
import type {
  Checked,
  Classified,
  Decided,
  Decoded,
  Ending,
  JobOutcome,
  Recalled,
} from './pipeline-steps.ts';
import { describeAttempt, describeContext, describeOutcome, startProcessSpan } from './process-span.ts';
import { ProgressReporter } from './progress-reporter.ts';
import { isOver, redriveCountOf } from './redrive-count.ts';
import { roomForResultOf } from './result-room.ts';
import { runOperation } from './run-operation.ts';
import { Semaphore } from './semaphore.ts';

/**
 * The pause before a job is delivered again, if the worker itself failed: for example, the broker did not store an event.
 */
const OWN_FAILURE = { minDelayMs: 2_000, maxDelayMs: 60_000 };
/** How often a message is kept alive within its ack wait. The event loop may be blocked for 4/5 of the ack wait. */
const KEEP_ALIVES = 5;

interface PipelineParts extends EventChainParts, ClassifyParts {
  readonly callbacks: CallbackPublisher;
  readonly publisher: StoredPublisher;
  readonly cancels: CancelMemory;
  readonly registry: OperationRegistry;
  readonly metrics: Pick<WorkerMetrics, 'jobSettled' | 'contextExtracted' | 'recordUnreadable'>;
  readonly group: string;
  readonly ackWaitMs: number;
  /** Whether spans are recorded. If not, a job without a trace context still gets ids for its log lines. */
  readonly tracing: boolean;
}

/**
 * Handles deliveries of jobs. Each delivery goes down the same steps, from top to bottom of this file:
 * decode → recall → check → claim → run → classify → record → settle. Each delivery is settled exactly once, and `process`
 * never throws. `docs/ARCHITECTURE.md` describes the trip of a delivery.
 */
export class JobPipeline implements DeliveryHandler {
  readonly #parts: PipelineParts;
  readonly #places = new Map<string, Semaphore>();
  readonly #messages = new OpenMessages();
  /** The operations of jobs that were handed back, since this host does not have them. */
  readonly #missing = new Set<string>();

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    for (const { name, concurrency } of parts.registry.values())
      this.#places.set(name, new Semaphore(concurrency));
  }

  async process(delivery: Delivery, stop: AbortSignal): Promise<void> {
    const message = this.#messages.open(delivery);
    if (message === undefined) return this.#ignoreRepeat(delivery);
    const extraction = extract(fromNatsHeaders(delivery.headers));
    const parent = this.#parentOf(extraction);
    const span = this.#startSpan(delivery, parent);
    await context.with(trace.setSpan(parent, span), async () => {
      this.#noteContext(span, extraction);
      const keepAliveMs = this.#parts.ackWaitMs / KEEP_ALIVES;
      const keepAlive = startInterval(keepAliveMs, () => message.latest.working());
      const ending = await this.#handle(delivery, span, stop).catch((thrown: unknown) =>
        this.#endOwnFailure(delivery, span, thrown),
      );
      keepAlive.stop();
      this.#messages.close(message);
      this.#settle(message.latest, span, ending);
    });
  }

  async #handle(delivery: Delivery, span: Span, stop: AbortSignal): Promise<Ending> {
    const decoded = this.#decode(delivery, span);
    const { abort } = decoded.held;
    const onStop = (): void => abort.abort(new ThroughlineError('worker-stopping', 'the worker is stopping'));
    stop.addEventListener('abort', onStop);
    if (stop.aborted) onStop();
    try {
      const recalled = await this.#recall(decoded);
      return await this.#carryOut(recalled).catch((thrown) => this.#endFaulty(recalled, thrown));
    } finally {
      stop.removeEventListener('abort', onStop);
      this.#parts.cancels.release(decoded.held);
    }
  }

  async #carryOut(recalled: Recalled): Promise<Ending> {
    const checked = this.#check(recalled);
    const decided = 'outcome' in checked ? checked : await this.#claimAndRun(checked);
    return await this.#record(classify(this.#parts, decided));
  }

  /** Reads the message. A cancel notice reaches the job from here on, unless the message is unreadable. */
  #decode(delivery: Delivery, span: Span): Decoded {
    const { log, cancels } = this.#parts;
    const { job, fault, hasBadCallback } = decode(delivery);
    if (hasBadCallback)
      log.warn({ job_id: job.address.jobId }, 'callback cannot be read; the job runs without one');
    if (fault !== undefined)
      log.warn({ subject: delivery.subject, reason: fault.message }, 'message refused');
    const { sequence } = delivery;
    const held =
      fault === undefined ? cancels.hold(job.address, sequence) : new HeldJob(job.address, sequence);
    return { delivery, span, job, fault, held };
  }

  /** Reads what is recorded about the job, and counts the attempts. */
  async #recall(decoded: Decoded): Promise<Recalled> {
    const { delivery, job, held } = decoded;
    const record = needsRecord(decoded) ? await this.#parts.records.read(job.address) : EMPTY_RECORD;
    if (record.cancel !== undefined) held.take(record.cancel);
    const operation = this.#parts.registry.get(job.address.operation);
    const previous = eventOfRedrive(record.event, redriveCountOf(job));
    const attempt = attemptOf(delivery, job, operation, previous, new Date());
    const chain = new EventChain(this.#parts, attempt, record.lastSequence, held.abort);
    return { ...decoded, record, attempt, chain };
  }

  /** Decides whether the attempt may start at all. */
  #check(recalled: Recalled): Checked | Decided {
    const { fault, job, held, attempt, span, record } = recalled;
    const { operation, previous, number, maxAttempts } = attempt;
    const decide = (outcome: JobOutcome): Decided => ({ ...recalled, outcome });
    if (fault !== undefined) return decide({ kind: 'unreadable', code: fault.code, message: fault.message });
    if (previous !== undefined && isOver(previous, redriveCountOf(job)))
      return decide({ kind: 'ended', event: previous });
    describeAttempt(span, attempt);
    if (record.isUnreadable) return decide(this.#noteUnreadable(record));
    if (held.notice !== undefined) return decide({ kind: 'cancelled' });
    // Without the operation, its limit of attempts is not known either.
    if (operation === undefined) return decide({ kind: 'missing' });
    return number > maxAttempts ? decide(spent(maxAttempts)) : { ...recalled, operation };
  }

  /**
   * Waits for a free place if the operation limits how many run at the same time. Then claims the attempt and runs it.
   */
  async #claimAndRun(checked: Checked): Promise<Decided> {
    const { attempt, job, held, operation } = checked;
    const { jobId, tenant } = job.address;
    const fields = { job_id: jobId, operation: operation.name, tenant };
    this.#parts.log.info(
      { ...fields, attempt: attempt.number, queue_ms: attempt.queueTimeMs },
      'job started',
    );
    const places = this.#places.get(operation.name) ?? new Semaphore(Number.POSITIVE_INFINITY);
    const claimAndRun = async (): Promise<Decided> => {
      const claimed = await this.#claim(checked);
      return 'outcome' in claimed ? claimed : await this.#run(claimed);
    };
    return await places.run(claimAndRun, held.abort.signal);
  }

  /**
   * Records the event `started`. The broker stores the event only if nothing happened to the job since its record was read.
   * The operation runs only after that, so a job that has ended never runs again.
   */
  async #claim(checked: Checked): Promise<Checked | Decided> {
    const started = eventOf(checked.attempt, 'started', this.#parts.worker);
    let known: JobRecord | undefined = checked.record;
    while (known !== undefined) {
      const outcome = known.isUnreadable ? this.#noteUnreadable(known) : obstacleTo(checked, known);
      if (outcome !== undefined) return { ...checked, outcome };
      known = await checked.chain.claim(started);
    }
    return checked;
  }

  async #run(checked: Checked): Promise<Decided> {
    const { operation, attempt, chain, held } = checked;
    const { worker, log } = this.#parts;
    const progress = new ProgressReporter(chain, attempt, worker);
    const roomForResult = (): number => roomForResultOf(this.#parts, attempt);
    const began = performance.now();
    const options = { abort: held.abort, progress, log, roomForResult };
    const outcome = await runOperation(operation, attempt, options);
    return { ...checked, outcome, ranMs: Math.round(performance.now() - began) };
  }

  /** Nothing can be known about a job whose last event cannot be read, not even how many attempts it has had. So it ends. */
  #noteUnreadable({ lastSequence }: JobRecord): JobOutcome {
    this.#parts.metrics.recordUnreadable();
    return {
      kind: 'refused',
      code: 'record-unreadable',
      message: `the last event of the job (sequence ${lastSequence} of EVENTS) cannot be read`,
    };
  }

  /**
   * Makes the end of the delivery durable.
   * @throws ThroughlineError `broker-unavailable`; then the job is delivered again
   */
  async #record(classified: Classified): Promise<Ending> {
    const { span, outcome, held, ending, chain, job } = classified;
    describeOutcome(span, outcome, held);
    if (outcome.kind === 'ended') return await this.#recordDuplicate(classified, outcome.event);
    if (outcome.kind === 'missing') return this.#noteMissing(classified);
    const recorded =
      ending.event === undefined
        ? endingOfOther(job, await chain.ownership())
        : await this.#recordEvent(classified, ending.event);
    this.#logEnd(classified, recorded);
    return recorded;
  }

  /**
   * Stores the dead letter, the event and the callback task, in this order. After a crash in between, the next delivery
   * repeats a step. No step is lost.
   */
  async #recordEvent(
    { delivery, job, chain, ending, outcome }: Classified,
    event: JobEvent,
  ): Promise<Ending> {
    const { publisher, callbacks, log } = this.#parts;
    const isReadable = outcome.kind !== 'unreadable';
    if (ending.deadLetter !== undefined) {
      // A job that another delivery has ended gets no dead letter.
      if (isReadable && (await chain.ownership()) === 'ended') return endingOfOther(job, 'ended');
      await moveToDeadLetters({ publisher, log }, delivery, job.address, ending.deadLetter);
    }
    const ownership = await chain.record(event);
    if (ownership === 'ours' && isTerminalEvent(event)) await callbacks.store(job, event);
    return ownership === 'ours' || !isReadable ? ending : endingOfOther(job, ownership);
  }

  /**
   * The job had ended, and the ack of its message was lost. The callback task may be lost too, so it is stored again. A
   * message from before a redrive gets no callback task: the last event belongs to another redrive count.
   */
  async #recordDuplicate({ job, ending }: Classified, last: JobEvent): Promise<Ending> {
    if (isTerminalEvent(last) && (last.redriveCount ?? 0) === redriveCountOf(job))
      await this.#parts.callbacks.store(job, last);
    this.#parts.log.info({ job_id: last.jobId, state: last.kind }, 'job ended before; not run again');
    return ending;
  }

  /** Nothing is recorded: the attempt is not spent. The log has one line for each operation, however many jobs it has. */
  #noteMissing({ job, ending }: Classified): Ending {
    const { operation } = job.address;
    if (!this.#missing.has(operation)) {
      this.#missing.add(operation);
      const fields = { operation, group: this.#parts.group, job_id: job.address.jobId };
      this.#parts.log.warn(
        fields,
        'this host does not have the operation; its jobs wait for a host that does',
      );
    }
    return ending;
  }

  #settle(delivery: Delivery, span: Span, { ack, conclusion }: Ending): void {
    delivery.settle(ack);
    span.setAttribute(ATTR.jobOutcome, conclusion);
    this.#parts.metrics.jobSettled(conclusion);
    span.end();
  }

  /**
   * The worker has a fault, and another run could end in the same way, again and again. So the job ends.
   * @throws ThroughlineError `broker-unavailable`: then the broker failed, and the job comes back
   */
  async #endFaulty(recalled: Recalled, thrown: unknown): Promise<Ending> {
    const { code, message } = ThroughlineError.from(thrown);
    if (code === 'broker-unavailable') throw thrown;
    const report = reportOf(thrown);
    const outcome = { kind: 'reject', code: 'internal', message, report } as const;
    return await this.#record(classify(this.#parts, { ...recalled, outcome }));
  }

  /** The worker itself failed, not the job. The job is delivered again after a pause. */
  #endOwnFailure({ deliveryCount }: Delivery, span: Span, thrown: unknown): Ending {
    const message = describeThrown(thrown);
    this.#parts.log.error({ reason: message }, 'job not settled; it will be delivered again');
    span.setStatus({ code: SpanStatusCode.ERROR, message });
    const delayMs = backoff(deliveryCount, OWN_FAILURE, this.#parts.random());
    return { conclusion: 'unsettled', ack: { kind: 'nak', delayMs } };
  }

  /** This process got a message again that it still handles, since a keep-alive was late. The first delivery goes on. */
  #ignoreRepeat({ subject, deliveryCount }: Delivery): void {
    this.#parts.log.warn(
      { subject, delivery: deliveryCount },
      'job is running here; delivered again too soon',
    );
    this.#parts.metrics.jobSettled('superseded');
  }

  /** A job that waits for a host with its operation is handed back many times. Only the first time is a span. */
  #startSpan(delivery: Delivery, parent: Context): Span {
    const operation = parseJobSubject(delivery.subject)?.operation;
    const isQuiet =
      operation !== undefined && !this.#parts.registry.has(operation) && delivery.deliveryCount > 1;
    if (!isQuiet) return startProcessSpan(delivery, parent, this.#parts.group);
    return trace.wrapSpanContext(trace.getSpanContext(parent) ?? INVALID_SPAN_CONTEXT);
  }

  #parentOf({ context: extracted, spanContext }: Extraction): Context {
    return spanContext === undefined && !this.#parts.tracing ? startTrace(extracted) : extracted;
  }

  /** Counts and logs how the trace context was read. A broken one never stops the job. */
  #noteContext(span: Span, extraction: Extraction): void {
    const { outcome, reason } = extraction;
    describeContext(span, extraction);
    this.#parts.metrics.contextExtracted(extraction);
    const fields = { trace_outcome: outcome, ...(reason === undefined ? {} : { trace_reason: reason }) };
    if (outcome === 'invalid')
      this.#parts.log.warn(fields, 'trace context refused; the job starts a new trace');
    else this.#parts.log.debug(fields, 'trace context read');
  }

  #logEnd({ attempt, outcome, ranMs }: Classified, { conclusion }: Ending): void {
    const { jobId, operation } = attempt.job.address;
    const ids = { job_id: jobId, operation, attempt: attempt.number };
    const fields = { ...ids, state: conclusion, duration_ms: ranMs };
    const { summary, text: stack } = reportIn(outcome) ?? {};
    const { log } = this.#parts;
    // An unreadable message was logged when it was decoded.
    if (conclusion === 'unreadable') return;
    if (conclusion === 'duplicate' || conclusion === 'superseded')
      log.warn(fields, 'attempt not recorded: another delivery of the job was first');
    else if ('code' in outcome)
      log.warn(
        { ...fields, code: outcome.code, reason: summary ?? outcome.message, stack },
        'attempt failed',
      );
    else log.info(fields, 'job ended');
  }
}

/**
 * Whether to read the job's record. A message that no worker got before is usually the first one of its job. Then there
 * is no record, and the worker does not ask the broker. If there is a record after all, the claim fails and returns it.
 */
function needsRecord({ delivery, job, held, fault }: Decoded): boolean {
  if (fault !== undefined) return false;
  return !isFirstMessage(delivery, job) || job.publishedAgain === true || held.notice !== undefined;
}

/**
 * Whether no worker got this message before, and its job was not redriven. If the job has started although this is so,
 * the job has another message, and the delivery of that message goes on with the job. If that delivery is lost, this
 * message is delivered again after its ack wait, and its job runs.
 */
function isFirstMessage(delivery: Delivery, job: Decoded['job']): boolean {
  return delivery.isFirst && redriveCountOf(job) === 0;
}

function spent(maxAttempts: number): JobOutcome {
  return { kind: 'refused', code: 'attempts-spent', message: `none of ${maxAttempts} attempts ended` };
}

/** Why the attempt must not start, if the record shows a reason. @param known the newest record that was read */
function obstacleTo({ delivery, job, held, record }: Checked, known: JobRecord): JobOutcome | undefined {
  const redriveCount = redriveCountOf(job);
  const event = eventOfRedrive(known.event, redriveCount);
  if (event !== undefined && isOver(event, redriveCount)) return { kind: 'ended', event };
  // An event that was not in the first record is new, so another delivery has the job now. Only `redriven` is different:
  // the edge writes it for this message.
  const isTaken = event !== undefined && event.kind !== 'redriven';
  if (isTaken && (isFirstMessage(delivery, job) || known !== record)) return { kind: 'superseded' };
  if (known.cancel !== undefined) held.take(known.cancel);
  const { signal } = held.abort;
  return signal.aborted ? outcomeOfAbort(signal.reason) : undefined;
}
