import { type Context, context } from '@opentelemetry/api';
import { errorFrom, loggedReason } from '../../shared/error-table.ts';
import { describeThrown } from '../../shared/errors.ts';
import { RepeatedWarning } from '../telemetry/repeated-warning.ts';
import { checkEnds } from './end-check.ts';
import { type DrainParts, drainOutbox } from './outbox-drain.ts';

/**
 * The alarm rings this long after a new job. Usually the job has been sent by then. The alarm is for the case that the platform
 * evicts this Durable Object before.
 */
const SAFETY_MS = 5_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

/** What the scheduler needs from its bridge. */
interface SchedulerParts extends DrainParts {
  /** The bridge's own context, which belongs to no request. */
  readonly ownContext: Context;
  readonly object: {
    readonly storage: Pick<DurableObjectStorage, 'getAlarm' | 'setAlarm'>;
    /** Keeps this Durable Object alive for work that no request waits for. */
    waitUntil(work: Promise<unknown>): void;
  };
}

/**
 * Makes sure that the jobs in the outbox reach NATS, even if this Durable Object is evicted. The platform stops calling
 * an alarm that fails a few times, so {@link alarm} never fails. The platform may lose an alarm, so {@link start} sets
 * the alarm again.
 */
export class OutboxScheduler {
  readonly #parts: SchedulerParts;
  /** When the alarm rings, in epoch milliseconds; undefined if no alarm is known to be set. */
  #alarmAt: number | undefined;
  #failures = 0;
  #working: Promise<void> | undefined;
  #notBefore = 0;
  readonly #stuck = new RepeatedWarning();

  constructor(parts: SchedulerParts) {
    this.#parts = parts;
  }

  /** Sets the alarm if the outbox holds jobs from before this Durable Object was started. Call this first. */
  async start(): Promise<void> {
    const next = this.#hasWork() ? Date.now() : this.#parts.outbox.nextCheck();
    if (next === undefined) return;
    this.#alarmAt = (await this.#parts.object.storage.getAlarm()) ?? undefined;
    this.#arm(next);
  }

  /**
   * Sets the alarm for a new job and starts to send. Call this in the same turn as the write of the job: the alarm then
   * becomes durable together with the job.
   */
  added(): void {
    this.#arm(Math.max(Date.now() + SAFETY_MS, this.#notBefore));
    this.kick();
  }

  /** Starts to send immediately, unless NATS has just failed. */
  kick(): void {
    if (!this.#hasWork() || Date.now() < this.#notBefore) return;
    this.#parts.object.waitUntil(this.#work().then(() => this.#armNext()));
  }

  /** Starts to send immediately. Call this when NATS can be reached again. */
  reconnected(): void {
    this.#notBefore = 0;
    this.kick();
  }

  /** Handles the platform's alarm. Never throws. */
  async alarm(): Promise<void> {
    this.#alarmAt = undefined;
    try {
      await this.#work();
    } finally {
      this.#armNext();
    }
  }

  /**
   * Starts one run, or returns the current run: all callers share it. The log lines of a run must not carry the trace
   * of the caller that started the run.
   */
  #work(): Promise<void> {
    this.#working ??= context
      .with(this.#parts.ownContext, () => this.#drainAndCheck())
      .finally(() => {
        this.#working = undefined;
      });
    return this.#working;
  }

  async #drainAndCheck(): Promise<void> {
    try {
      this.#expire();
      await drainOutbox(this.#parts);
      await checkEnds(this.#parts);
      this.#failures = 0;
    } catch (thrown) {
      const error = errorFrom(thrown);
      const reason = loggedReason(error);
      const isDue = this.#stuck.isDue(reason, this.#failures === 0);
      this.#pause();
      if (!isDue) return;
      const { pending, oldestAgeSeconds } = this.#parts.outbox.status(Date.now());
      this.#parts.log.warn('the outbox cannot be drained now', {
        code: error.code,
        reason,
        pending,
        oldest_age_s: Math.round(oldestAgeSeconds),
      });
    }
  }

  #expire(): void {
    const { outbox, log } = this.#parts;
    const jobs = outbox.rejected.expire(Date.now());
    if (jobs > 0) log.warn('rejected jobs have expired', { jobs });
  }

  /**
   * Pauses after a failure. Half of the pause is random, so that the bridges of a region do not all try again at the
   * same moment.
   */
  #pause(): void {
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures, 10));
    this.#failures++;
    this.#notBefore = Date.now() + pauseMs * (0.5 + Math.random() / 2);
  }

  #armNext(): void {
    const { outbox } = this.#parts;
    const next = outbox.hasPending ? Date.now() : outbox.nextCheck();
    if (next !== undefined) this.#arm(Math.max(next, this.#notBefore));
  }

  #hasWork(): boolean {
    const { outbox } = this.#parts;
    return outbox.hasPending || outbox.hasPublished;
  }

  /** Sets the alarm, unless an earlier alarm is set already. */
  #arm(at: number): void {
    const now = Date.now();
    if (this.#alarmAt !== undefined && this.#alarmAt <= at && this.#alarmAt > now - SAFETY_MS) return;
    this.#alarmAt = at;
    this.#parts.object.storage.setAlarm(at).catch((thrown: unknown) => {
      this.#alarmAt = undefined;
      this.#parts.log.error('the alarm of the outbox cannot be set', {
        reason: describeThrown(thrown),
      });
    });
  }
}
