import { startTimer, type Timer } from '../../shared/timers.ts';
import type { WorkerLogger } from '../log.ts';
import type { TraceEventFault } from './trace-event.ts';

/** The log has at most one line about messages that cannot be read in this time. */
const PERIOD_MS = 60_000;

/** Counts what came of the messages of the trace subject, and says how many cannot be read. */
export class EventCounts {
  readonly #log: Pick<WorkerLogger, 'warn'>;
  readonly #counts = { shown: 0, ignored: 0, unreadable: 0 };
  #fault: TraceEventFault | undefined;
  #timer: Timer | undefined;

  constructor(log: Pick<WorkerLogger, 'warn'>) {
    this.#log = log;
  }

  /** `shown` became spans, `ignored` have no sampled trace, `unreadable` are no trace events. */
  get counts(): Readonly<Record<'shown' | 'ignored' | 'unreadable', number>> {
    return { ...this.#counts };
  }

  add(outcome: 'shown' | 'ignored'): void {
    this.#counts[outcome]++;
  }

  addUnreadable(fault: TraceEventFault): void {
    this.#counts.unreadable++;
    this.#fault = fault;
    if (this.#timer === undefined) this.#say();
  }

  /** Says what is unsaid, and stops. */
  stop(): void {
    this.#timer?.stop();
    this.#timer = undefined;
    if (this.#fault !== undefined) this.#write();
  }

  #say(): void {
    this.#write();
    this.#timer = startTimer(PERIOD_MS, () => {
      this.#timer = undefined;
      if (this.#fault !== undefined) this.#say();
    });
  }

  #write(): void {
    this.#log.warn({ ...this.#counts, reason: this.#fault }, 'a message on the trace subject cannot be read');
    this.#fault = undefined;
  }
}
