import type { WorkerLogger } from '../log.ts';
import { OncePerPeriod } from '../telemetry/once-per-period.ts';
import type { TraceEventFault } from './trace-event.ts';

/** The log has at most one line about messages that cannot be read in this time. */
const PERIOD_MS = 60_000;

/** Counts what came of the messages of the trace subject, and says how many cannot be read. */
export class EventCounts {
  readonly #counts = { shown: 0, ignored: 0, unreadable: 0 };
  readonly #line: OncePerPeriod;
  #fault: TraceEventFault | undefined;

  constructor(log: Pick<WorkerLogger, 'warn'>) {
    this.#line = new OncePerPeriod(PERIOD_MS, () =>
      log.warn({ ...this.#counts, reason: this.#fault }, 'a message on the trace subject cannot be read'),
    );
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
    this.#line.due();
  }

  /** Logs what is not logged yet, and stops. */
  stop(): void {
    this.#line.stop();
  }
}
