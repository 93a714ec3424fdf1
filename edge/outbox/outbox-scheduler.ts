import { context } from '@opentelemetry/api';
import { ThroughlineError } from '../../shared/errors.ts';
import { checkEnds } from './end-check.ts';
import { type DrainParts, drainOutbox } from './outbox-drain.ts';

/** When the alarm of a new job rings. Jobs are sent without it, unless the platform evicts this object before. */
const SAFETY_MS = 5_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

/** What the scheduler needs of its bridge. */
interface SchedulerParts extends DrainParts {
  readonly object: {
    readonly storage: Pick<DurableObjectStorage, 'getAlarm' | 'setAlarm'>;
    /** Keeps this object alive for work that no request waits for. */
    waitUntil(work: Promise<unknown>): void;
  };
}

/**
 * Makes sure that the jobs in the outbox reach NATS, also when this object is evicted. The platform stops calling an alarm
 * that fails a few times, so {@link alarm} never fails. The platform may lose an alarm, so {@link start} sets it again.
 */
export class OutboxScheduler {
  readonly #parts: SchedulerParts;
  /** Epoch milliseconds; undefined: no alarm is known to be set. */
  #alarmAt: number | undefined;
  #failures = 0;
  #working: Promise<void> | undefined;
  #notBefore = 0;

  constructor(parts: SchedulerParts) {
    this.#parts = parts;
  }

  /** Sets the alarm if the outbox holds work from before this object was started. Call this before anything else. */
  async start(): Promise<void> {
    if (!this.#hasWork()) return;
    this.#alarmAt = (await this.#parts.object.storage.getAlarm()) ?? undefined;
    this.#arm(Date.now());
  }

  /** Call this in the same turn as the write of a job: the alarm then becomes durable together with the job. */
  added(): void {
    this.#arm(Math.max(Date.now() + SAFETY_MS, this.#notBefore));
    this.kick();
  }

  /** Starts to send now, unless NATS has just failed. */
  kick(): void {
    if (!this.#hasWork() || Date.now() < this.#notBefore) return;
    this.#parts.object.waitUntil(this.#work().then(() => this.#armNext()));
  }

  /** Call this when NATS can be reached again. */
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
   * One run at a time, shared by all callers. The log lines of a run must not carry the trace of the caller that
   * started it.
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
      await drainOutbox(this.#parts);
      await checkEnds(this.#parts);
      this.#failures = 0;
    } catch (thrown) {
      this.#pause();
      const { code, message } = ThroughlineError.from(thrown);
      const { pending, oldestAgeSeconds } = this.#parts.outbox.status(Date.now());
      this.#parts.log.warn('the outbox cannot be drained now', {
        ...{ code, reason: message, pending, oldest_age_s: Math.round(oldestAgeSeconds) },
      });
    }
  }

  /** Half of the pause is random, so that the bridges of a region do not try again at the same moment. */
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

  /** Sets the alarm, unless an earlier one is set already. */
  #arm(at: number): void {
    const now = Date.now();
    if (this.#alarmAt !== undefined && this.#alarmAt <= at && this.#alarmAt > now - SAFETY_MS) return;
    this.#alarmAt = at;
    this.#parts.object.storage.setAlarm(at).catch((thrown: unknown) => {
      this.#alarmAt = undefined;
      this.#parts.log.error('the alarm of the outbox cannot be set', {
        reason: ThroughlineError.from(thrown).message,
      });
    });
  }
}
