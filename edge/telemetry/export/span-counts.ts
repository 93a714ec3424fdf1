import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import type { Logger } from '../log.ts';

/**
 * Why a span was lost. `queueFull`: too many bytes or spans waited. `exportFailed`: the collector could not be reached, or
 * refused an export. `rejected`: the collector took an export without this span. `overBudget`: the request of an anonymous
 * caller, or of a tenant that forces sampling, beyond its budget.
 */
export const LOSS_REASONS = ['queueFull', 'exportFailed', 'rejected', 'overBudget'] as const;
export type LossReason = (typeof LOSS_REASONS)[number];

const LOG_EVERY_MS = 60_000;

/** Counts what became of the spans of an isolate since it started, and logs the losses at most once a minute. */
export class SpanCounts {
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #lost: Record<LossReason, number> = { queueFull: 0, exportFailed: 0, rejected: 0, overBudget: 0 };
  #exported = 0;
  /** The losses since the last line, and the last answer of a collector to one of them. Without losses: its last warning. */
  #untold = 0;
  #reason: string | undefined;
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(log: Logger, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  /** Spans that a collector took. */
  get exported(): number {
    return this.#exported;
  }

  /** Spans that were lost, by reason. */
  get lost(): Readonly<Record<LossReason, number>> {
    return this.#lost;
  }

  /** Counts spans that a collector took. */
  addExported(spans: number): void {
    this.#exported += spans;
  }

  /**
   * Counts spans that were lost, and logs it unless there was a line in the last minute.
   * @param reason the answer of the collector. Without a loss it is a warning
   */
  addLost(why: LossReason, spans: number, reason?: string): void {
    if (spans === 0 && reason === undefined) return;
    // A warning does not hide the reason of a loss, and is none.
    if (this.#untold === 0) this.#reason = reason;
    else if (spans > 0) this.#reason = reason ?? this.#reason;
    this.#lost[why] += spans;
    this.#untold += spans;
    this.tell();
  }

  /** Logs the losses, or the warning, that no line has yet, unless there was a line in the last minute. */
  tell(): void {
    const now = this.#now();
    if ((this.#untold === 0 && this.#reason === undefined) || now - this.#loggedAt < LOG_EVERY_MS) return;
    const reason = this.#reason === undefined ? {} : { reason: this.#reason };
    const fields = { since_last_line: this.#untold, ...this.#lost, ...reason };
    // The line belongs to no request, although a request runs this code.
    const line = this.#untold === 0 ? 'the collector warns' : 'spans were lost';
    context.with(ROOT_CONTEXT, () => this.#log.warn(line, fields));
    this.#loggedAt = now;
    this.#untold = 0;
    this.#reason = undefined;
  }
}
