import { eventOfRedrive } from '../../shared/job/redrive.ts';
import type { ClockCheck } from '../broker/checks/clock-check.ts';
import { EMPTY_RECORD, type JobRecord } from '../broker/job-record.ts';
import type { WorkerLogger } from '../log.ts';
import type { OperationRegistry } from '../operations/operation-registry.ts';
import type { WorkerMetrics } from '../telemetry/metrics.ts';
import { type Attempt, eventOf } from './attempt/attempt.ts';
import { type AttemptOutcome, outcomeOfAbort } from './attempt/attempt-outcome.ts';
import { ProgressReporter } from './attempt/progress-reporter.ts';
import { isOver, redriveCountOf } from './attempt/redrive-count.ts';
import { type RoomParts, roomForResultOf } from './attempt/result-room.ts';
import { runOperation } from './attempt/run-operation.ts';
import { Semaphore } from './attempt/semaphore.ts';
import type { Admission, LimitRefusal } from './limits/admission.ts';
import type { Limits } from './limits/limits.ts';
import type { Pauses } from './pauses.ts';
import type { Checked, Claimed, Decided, JobOutcome, Recalled } from './pipeline-steps.ts';
import { describeAttempt, describeWait } from './process-span.ts';
import { isFirstMessage, type RecallParts, startingNow } from './recall.ts';
import { recordTurn, recordWaits } from './wait-spans.ts';

export interface AttemptRunnerParts extends RoomParts, RecallParts {
  readonly clock: Pick<ClockCheck, 'aheadMs'>;
  readonly limits: Limits;
  readonly pauses: Pauses;
  /** Whether another host, which is alive, has announced another version of an operation since. */
  readonly isReplaced: (operation: string) => Promise<boolean>;
  readonly registry: OperationRegistry;
  readonly metrics: Pick<WorkerMetrics, 'recordUnreadable' | 'attemptStarted'>;
  readonly log: WorkerLogger;
}

/** Takes an attempt from the record of its job to its outcome: check → admit (by the limits of the operation) → claim → run. */
export class AttemptRunner {
  readonly #parts: AttemptRunnerParts;
  readonly #places = new Map<string, Semaphore>();

  constructor(parts: AttemptRunnerParts) {
    this.#parts = parts;
    for (const { name, concurrency } of parts.registry.values())
      this.#places.set(name, new Semaphore(concurrency));
  }

  /** Decides whether the attempt may start at all. */
  check(recalled: Recalled): Checked | Decided {
    const { fault, job, held, attempt, span, record } = recalled;
    const { operation, previous, number, maxAttempts } = attempt;
    const decide = (outcome: JobOutcome): Decided => ({ ...recalled, outcome });
    if (fault !== undefined) return decide({ kind: 'unreadable', code: fault.code, message: fault.message });
    if (previous !== undefined && isOver(previous, redriveCountOf(job)))
      return decide({ kind: 'ended', event: previous });
    describeAttempt(span, attempt);
    const { publisher, clock } = this.#parts;
    recordWaits({ ...recalled, server: publisher.server, aheadMs: clock.aheadMs });
    if (record.isUnreadable) return decide(this.#noteUnreadable(record));
    if (held.notice !== undefined) return decide({ kind: 'cancelled' });
    // Without the operation, its limit of attempts is not known either.
    if (operation === undefined) return decide({ kind: 'missing' });
    if (number > maxAttempts) return decide(spent(attempt));
    const paused = this.#pauseOf(operation.name);
    if (paused !== undefined) return decide(paused);
    return { ...recalled, operation, admission: this.#parts.limits.admissionOf(job, operation) };
  }

  /**
   * Waits until the limits of the operation let the attempt start. Then claims the attempt and runs it. What it took of the
   * limits by key stays taken until {@link Checked.admission} ends.
   */
  async admitAndRun(checked: Checked): Promise<Decided> {
    const { operation, admission } = checked;
    const places = this.#places.get(operation.name) ?? new Semaphore(Number.POSITIVE_INFINITY);
    if (admission !== undefined) return await this.#runAdmitted(checked, admission, places);
    return await this.#runIn(places, checked, () => this.#claimAndRun(checked));
  }

  async #runAdmitted(checked: Checked, admission: Admission, places: Semaphore): Promise<Decided> {
    const { held, slot } = checked;
    for (;;) {
      const tried = await this.#runIn(places, checked, () => this.#try(checked, admission));
      if (!('refusal' in tried)) return tried;
      // An attempt that waits holds nothing that others could use.
      const isTurn = await admission.wait(tried, slot, held.abort.signal);
      if (isTurn || held.abort.aborted) continue;
      noteWait(checked, admission);
      const delayMs = admission.backIn(tried, slot);
      return { ...checked, outcome: { kind: 'waits', by: tried.refusal.by, delayMs } };
    }
  }

  /** Runs `work` in one of the places that this host has for the operation. A wait for a place is shown in the trace. */
  #runIn<T>(places: Semaphore, { job, held }: Checked, work: () => Promise<T>): Promise<T> {
    const from = Date.now();
    const entered = (): Promise<T> => {
      recordTurn(job, 'host', { from, to: Date.now() });
      return work();
    };
    const mayWait = held.abort.aborted || !places.isFree;
    return places.run(entered, mayWait ? held.abort.signal : NEVER);
  }

  /** Claims and runs the attempt, unless a limit by key refuses it. A job that is to end needs no place. */
  async #try(checked: Checked, admission: Admission): Promise<Decided | LimitRefusal> {
    const isEnding = checked.held.abort.aborted;
    const refused = isEnding ? undefined : await admission.take();
    if (refused !== undefined) return refused;
    noteWait(checked, admission);
    return await this.#claimAndRun(isEnding ? checked : startingNow(this.#parts, checked));
  }

  async #claimAndRun(checked: Checked): Promise<Decided> {
    // The operation may have been paused while the attempt waited. A job that is to end needs no operation.
    const isEnding = checked.held.abort.aborted;
    const outcome = isEnding ? undefined : this.#pauseOf(checked.operation.name);
    const claimed = outcome === undefined ? await this.#claim(checked) : { ...checked, outcome };
    if ('outcome' in claimed) {
      checked.admission?.forgo();
      return claimed;
    }
    claimed.admission?.confirm();
    return await this.#run(claimed);
  }

  #pauseOf(operation: string): JobOutcome | undefined {
    const delayMs = this.#parts.pauses.awayMs(operation);
    return delayMs === undefined ? undefined : { kind: 'waits', by: 'pause', delayMs };
  }

  /**
   * Records the event `started`. The broker stores the event only if nothing happened to the job since its record was read.
   * The operation runs only after that, so a job that has ended never runs again. An operation may do without the event.
   */
  async #claim(checked: Checked): Promise<Claimed | Decided> {
    const { attempt, chain, lease } = checked;
    if (needsNoStart(checked)) {
      const outcome = obstacleTo(checked, checked.record);
      return outcome === undefined ? { ...checked, fence: NO_FENCE } : { ...checked, outcome };
    }
    const started = eventOf(attempt, 'started', this.#parts.worker);
    for (let known = checked.record; ; ) {
      const outcome = known.isUnreadable ? this.#noteUnreadable(known) : obstacleTo(checked, known);
      if (outcome !== undefined) return { ...checked, outcome };
      const claimed = await lease.proveBy(() => chain.claim(started));
      if (typeof claimed === 'number') return { ...checked, fence: claimed };
      known = claimed;
    }
  }

  async #run(claimed: Claimed): Promise<Decided> {
    const { operation, attempt, chain, held, lease, fence } = claimed;
    const { worker, log } = this.#parts;
    this.#noteStart(claimed);
    held.follow(chain);
    const progress = new ProgressReporter(chain, attempt, worker);
    const roomForResult = (): number => roomForResultOf(this.#parts, attempt);
    const began = performance.now();
    const look = (): Promise<void> => chain.look();
    const options = { abort: held.abort, progress, log, roomForResult, lease, look, fence };
    const ended = await runOperation(operation, attempt, options);
    const ranMs = Math.round(performance.now() - began);
    const outcome = (await this.#isForOther(attempt, ended)) ? FOR_OTHER : ended;
    return { ...claimed, outcome, ranMs };
  }

  /** Whether the job has an input that this host refuses, and that the version of the operation on another host may take. */
  async #isForOther({ job }: Attempt, outcome: AttemptOutcome): Promise<boolean> {
    if (outcome.kind !== 'reject' || outcome.code !== 'input-invalid') return false;
    const { jobId, operation } = job.address;
    const isReplaced = await this.#parts.isReplaced(operation);
    const fields = { job_id: jobId, operation, reason: outcome.message };
    if (isReplaced)
      this.#parts.log.info(
        fields,
        'the input does not fit this version of the operation; the job waits for a host with the newer one',
      );
    return isReplaced;
  }

  #noteStart({ attempt: { number, queueTimeMs }, job, fence }: Claimed): void {
    const { jobId, tenant, operation } = job.address;
    const outboxMs = number === 1 ? job.outboxTimeMs : undefined;
    this.#parts.metrics.attemptStarted({ operation, tenant, queueMs: queueTimeMs, outboxMs });
    const fields = { job_id: jobId, operation, tenant, attempt: number, fence, queue_ms: queueTimeMs };
    this.#parts.log.info(fields, 'job started');
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
}

/** The signal of an attempt that does not wait. */
const NEVER = new AbortController().signal;
const FOR_OTHER = { kind: 'released', isForOther: true } as const;
/** The fence of an attempt without a stored `started`. Each other fence is larger. */
const NO_FENCE = 0;

/**
 * Whether the attempt stores no `started`, since its operation wants only the end stored. That holds for the first delivery of a job,
 * as long as the broker can have given it to no other worker: the first event, which follows none, then shows that nothing happened.
 */
function needsNoStart({ operation, delivery, job, record, lease }: Checked): boolean {
  if (operation.record !== 'end' || lease.mayBeOver) return false;
  return record === EMPTY_RECORD && job.publishedAgain !== true && isFirstMessage(delivery, job);
}

/** Shows in the trace for which limit by key the attempt waited, and when. */
function noteWait({ span, job }: Checked, { waited }: Admission): void {
  if (waited === undefined) return;
  describeWait(span, waited);
  recordTurn(job, waited.by, { from: waited.since, to: Date.now() });
}

/** No attempt is left: the last one did not end, or there may be fewer now than when it failed. */
function spent({ number, maxAttempts, previous }: Attempt): JobOutcome {
  const last = `attempt ${number - 1}`;
  // The record of an attempt that was handed back does not say how the one before ended.
  const what = previous?.kind === 'released' ? 'was spent' : 'did not end';
  const message =
    previous?.kind === 'retrying' && previous.error !== undefined
      ? `${last} failed, and the operation allows no more than ${maxAttempts} now: ${previous.error.message}`
      : `${last} ${what}, and the operation allows no more than ${maxAttempts}`;
  return { kind: 'refused', code: 'attempts-spent', message };
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
  return held.abort.aborted ? outcomeOfAbort(held.abort.reason) : undefined;
}
