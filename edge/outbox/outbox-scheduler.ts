import { context } from '@opentelemetry/api';
import { ThroughlineError } from '../../shared/errors.ts';
import type { Outbox } from './outbox.ts';
import { type DrainParts, OutboxDrain } from './outbox-drain.ts';
import { SettlementCheck } from './settlement-check.ts';

/** While jobs are sent at once, the alarm is only there for the case that this object does not live to do it. */
const SAFETY_MS = 5_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

export interface SchedulerParts extends DrainParts {
  readonly storage: Pick<DurableObjectStorage, 'getAlarm' | 'setAlarm'>;
  /** Keeps this object alive for work that nobody waits for. */
  readonly waitUntil: (work: Promise<unknown>) => void;
}

/**
 * Sees to it that what the outbox holds gets to NATS, whatever becomes of this object. The platform gives an alarm up
 * after a few failures, so {@link alarm} never fails; and it may lose one, so {@link start} sets it again.
 */
export class OutboxScheduler {
  readonly #parts: SchedulerParts;
  readonly #outbox: Outbox;
  readonly #drain: OutboxDrain;
  readonly #check: SettlementCheck;
  /** Epoch milliseconds; undefined: none is known to be set. */
  #alarmAt: number | undefined;
  #failures = 0;
  #working: Promise<void> | undefined;
  #notBefore = 0;

  constructor(parts: SchedulerParts) {
    this.#parts = parts;
    this.#outbox = parts.outbox;
    this.#drain = new OutboxDrain(parts);
    this.#check = new SettlementCheck(parts);
  }

  /** Call it before anything else: arms the alarm where there is work left from an earlier life. */
  async start(): Promise<void> {
    if (!this.#hasWork()) return;
    this.#alarmAt = (await this.#parts.storage.getAlarm()) ?? undefined;
    this.#arm(Date.now());
  }

  /** Call it in the same turn as the write: the alarm becomes durable together with the job. */
  added(): void {
    this.#arm(Math.max(Date.now() + SAFETY_MS, this.#notBefore));
    this.kick();
  }

  /** Starts sending now, unless NATS has just failed. */
  kick(): void {
    if (!this.#hasWork() || Date.now() < this.#notBefore) return;
    this.#parts.waitUntil(this.#work().then(() => this.#armNext()));
  }

  /** NATS is there again. */
  reconnected(): void {
    this.#notBefore = 0;
    this.kick();
  }

  /** What the platform calls at the time of the alarm; never throws. */
  async alarm(): Promise<void> {
    this.#alarmAt = undefined;
    try {
      await this.#work();
    } finally {
      this.#armNext();
    }
  }

  /** Whoever calls while it works gets the same run; what it logs must not carry the trace of who happened to start it. */
  #work(): Promise<void> {
    this.#working ??= context
      .with(this.#parts.own, () => this.#sendAndCheck())
      .finally(() => {
        this.#working = undefined;
      });
    return this.#working;
  }

  async #sendAndCheck(): Promise<void> {
    try {
      await this.#drain.run();
      await this.#check.run();
      this.#failures = 0;
    } catch (thrown) {
      const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures, 10));
      this.#failures++;
      // Half of it is chance: the bridges of a region must not come back in step.
      this.#notBefore = Date.now() + pauseMs * (0.5 + Math.random() / 2);
      const { code, message } = ThroughlineError.from(thrown);
      const { pending, oldestAgeSeconds } = this.#outbox.status(Date.now());
      this.#parts.log.warn('the outbox cannot be drained now', {
        ...{ code, reason: message, pending, oldest_age_s: Math.round(oldestAgeSeconds) },
      });
    }
  }

  #armNext(): void {
    const next = this.#outbox.hasPending ? Date.now() : this.#outbox.nextCheck();
    if (next !== undefined) this.#arm(Math.max(next, this.#notBefore));
  }

  #hasWork(): boolean {
    return this.#outbox.hasPending || this.#outbox.hasUnsettled;
  }

  /** An alarm that comes sooner does as well. */
  #arm(at: number): void {
    const now = Date.now();
    if (this.#alarmAt !== undefined && this.#alarmAt <= at && this.#alarmAt > now - SAFETY_MS) return;
    this.#alarmAt = at;
    this.#parts.storage.setAlarm(at).catch((thrown: unknown) => {
      this.#alarmAt = undefined;
      this.#parts.log.error('the alarm of the outbox cannot be set', {
        reason: ThroughlineError.from(thrown).message,
      });
    });
  }
}
