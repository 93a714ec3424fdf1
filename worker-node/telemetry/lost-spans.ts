import { startTimer, type Timer } from '../../shared/timers.ts';

/**
 * Why a span was lost. `queueFull`: too many spans waited. `exportFailed`: the collector did not take them. `rejected`: the
 * collector took the others of their batch (OTLP, "Partial Success").
 */
export type LossReason = 'queueFull' | 'exportFailed' | 'rejected';

/** Takes the counts since the start, and the cause of the last loss. */
export type SayLoss = (counts: Readonly<Record<LossReason, number>>, cause: string) => void;

/** The log has at most one line in this time, and `/readyz` warns for this long. */
const PERIOD_MS = 60_000;

/** Counts the spans that did not reach the collector, and says so: one line in the log for each period. */
export class LostSpans {
  readonly #tell: SayLoss;
  readonly #counts: Record<LossReason, number> = { queueFull: 0, exportFailed: 0, rejected: 0 };
  #cause = '';
  #isUnsaid = false;
  #timer: Timer | undefined;

  constructor(tell: SayLoss) {
    this.#tell = tell;
  }

  /** How many spans were lost since the start. */
  get counts(): Readonly<Record<LossReason, number>> {
    return { ...this.#counts };
  }

  /** A sentence for `/readyz` about a loss of the last period; none if there was no loss. */
  get warnings(): readonly string[] {
    if (this.#timer === undefined) return [];
    return [`spans are lost, so traces have gaps: ${this.#cause}; ${this.#total} since the start`];
  }

  /** Counts spans. @param cause what the collector answered, or the limit that was reached */
  add(reason: LossReason, spans: number, cause: string): void {
    if (spans === 0) return;
    this.#counts[reason] += spans;
    this.#cause = cause;
    this.#isUnsaid = true;
    if (this.#timer === undefined) this.#say();
  }

  /** Says what is unsaid, and stops. */
  stop(): void {
    this.#timer?.stop();
    this.#timer = undefined;
    if (this.#isUnsaid) this.#write();
  }

  get #total(): number {
    return Object.values(this.#counts).reduce((sum, count) => sum + count, 0);
  }

  #say(): void {
    this.#write();
    this.#timer = startTimer(PERIOD_MS, () => {
      this.#timer = undefined;
      if (this.#isUnsaid) this.#say();
    });
  }

  #write(): void {
    this.#isUnsaid = false;
    this.#tell(this.counts, this.#cause);
  }
}
