import type { Logger } from '../log.ts';

/**
 * Why a span was not exported. `queueFull`: too many bytes or spans waited. `exportFailed`: the collector did not take it.
 * `overBudget`: the request of an anonymous caller, or of a tenant that forces sampling, beyond its budget.
 */
export type LossReason = 'queueFull' | 'exportFailed' | 'overBudget';

const LOG_EVERY_MS = 60_000;

/** Counts the spans that were not exported, and logs the counts at most once a minute. */
export class LostSpans {
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #counts: Record<LossReason, number> = { queueFull: 0, exportFailed: 0, overBudget: 0 };
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(log: Logger, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  /** How many spans were lost since the isolate started. */
  get counts(): Readonly<Record<LossReason, number>> {
    return this.#counts;
  }

  /** @param reason what the collector answered, if it was asked */
  add(why: LossReason, spans: number, reason?: string): void {
    if (spans === 0) return;
    this.#counts[why] += spans;
    const now = this.#now();
    if (now - this.#loggedAt < LOG_EVERY_MS) return;
    this.#loggedAt = now;
    this.#log.warn('spans were lost', { ...this.#counts, ...(reason === undefined ? {} : { reason }) });
  }
}
