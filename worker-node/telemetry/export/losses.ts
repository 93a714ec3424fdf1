import { startTimer, type Timer } from '../../../shared/timers.ts';
import { OncePerPeriod } from '../once-per-period.ts';

/** What is sent to a collector. */
export const SIGNALS = ['spans', 'logs', 'metrics'] as const;
export type Signal = (typeof SIGNALS)[number];

/**
 * Why something was lost. `queueFull`: too much waited. `exportFailed`: the collector did not take it. `rejected`: the collector
 * took the rest of its batch (OTLP, "Partial Success").
 */
export type LossReason = 'queueFull' | 'exportFailed' | 'rejected';

type LossCounts = Readonly<Record<LossReason, number>>;

/**
 * Takes the counts of a signal since the start, and the cause of the last loss; or, without counts, what a collector warned of
 * although nothing was lost.
 */
export type SayLoss = (signal: Signal, counts: LossCounts | undefined, cause: string) => void;

/** The log has at most one line in this time, and `/readyz` warns for this long. */
const PERIOD_MS = 60_000;

/** What a loss means, for whoever reads `/readyz`. */
const MEANINGS: Readonly<Record<Signal, string>> = {
  spans: 'spans are lost, so traces have gaps',
  logs: 'log records are lost, and only stdout has them',
  metrics: 'metrics were not taken',
};

/** What became of a signal beside its losses: spans, log records, or data points of metrics. */
class ExportCounts {
  /** How many wait; undefined: nothing of this signal waits in a queue, or it is not sent. */
  waiting: number | undefined;
  /** How many may wait. */
  capacity: number | undefined;
  /** How many are being sent. */
  inFlight = 0;
  /** How many the collector has taken since the start. */
  taken = 0;
}

/** Counts what did not reach the collector, and says so: one line in the log for each period. */
export class Losses {
  /** What became of the rest. */
  readonly exports = new ExportCounts();
  readonly #signal: Signal;
  readonly #tell: SayLoss;
  readonly #line: OncePerPeriod;
  readonly #counts: Record<LossReason, number> = { queueFull: 0, exportFailed: 0, rejected: 0 };
  #cause = '';
  #remark = '';
  #remarkTimer: Timer | undefined;

  constructor(signal: Signal, tell: SayLoss) {
    this.#signal = signal;
    this.#tell = tell;
    this.#line = new OncePerPeriod(PERIOD_MS, () => tell(signal, this.counts, this.#cause));
  }

  /** How much was lost since the start: spans, log records, or data points of metrics. */
  get counts(): LossCounts {
    return { ...this.#counts };
  }

  /** Sentences for `/readyz` about a loss of the last period, and about a warning of the collector. */
  get warnings(): readonly string[] {
    const losses = `${MEANINGS[this.#signal]}: ${this.#cause}; ${this.#total} since the start`;
    return [
      ...(this.#line.isOpen ? [losses] : []),
      ...(this.#remarkTimer === undefined ? [] : [this.#remark]),
    ];
  }

  /** Counts a loss. @param cause what the collector answered, or the limit that was reached */
  add(reason: LossReason, count: number, cause: string): void {
    if (count === 0) return;
    this.#counts[reason] += count;
    this.#cause = cause;
    this.#line.due();
  }

  /** Passes on what a collector says of what it took whole, once in each period (OTLP, "Partial Success"). */
  remark(sentence: string): void {
    this.#remark = sentence;
    if (this.#remarkTimer !== undefined) return;
    this.#remarkTimer = startTimer(PERIOD_MS, () => {
      this.#remarkTimer = undefined;
    });
    this.#tell(this.#signal, undefined, sentence);
  }

  /** Says what is unsaid, and stops. */
  stop(): void {
    this.#line.stop();
    this.#remarkTimer?.stop();
    this.#remarkTimer = undefined;
  }

  get #total(): number {
    return Object.values(this.#counts).reduce((sum, count) => sum + count, 0);
  }
}

/** The losses of all signals. */
export type AllLosses = Readonly<Record<Signal, Losses>>;

/** Makes the counts of all signals. @param tell is told about losses, at most once in a period for each signal */
export function createLosses(tell: SayLoss): AllLosses {
  return {
    spans: new Losses('spans', tell),
    logs: new Losses('logs', tell),
    metrics: new Losses('metrics', tell),
  };
}
