import type { DiagLogger } from '@opentelemetry/api';
import { describeThrown } from '../../shared/errors.ts';
import type { LostSpans } from './lost-spans.ts';

/** What the library logs when a collector took a batch without some of its spans. */
const PARTIAL = 'Received Partial Success response:';

/** Counts what the library only logs: the spans that a collector did not take from a batch. */
export class PartialSuccessLogger implements DiagLogger {
  readonly #lost: LostSpans;
  readonly #next: DiagLogger | undefined;

  /** @param next the logger that `OTEL_LOG_LEVEL` asks for */
  constructor(lost: LostSpans, next: DiagLogger | undefined) {
    this.#lost = lost;
    this.#next = next;
  }

  warn(message: string, ...more: unknown[]): void {
    if (message === PARTIAL) this.#count(String(more[0]));
    this.#next?.warn(message, ...more);
  }

  error(message: string, ...more: unknown[]): void {
    this.#next?.error(message, ...more);
  }

  info(message: string, ...more: unknown[]): void {
    this.#next?.info(message, ...more);
  }

  debug(message: string, ...more: unknown[]): void {
    this.#next?.debug(message, ...more);
  }

  verbose(message: string, ...more: unknown[]): void {
    this.#next?.verbose(message, ...more);
  }

  /** A 64-bit number is a text in OTLP's JSON. An answer without rejected spans is only a warning of the collector. */
  #count(partial: string): void {
    const { rejectedSpans, errorMessage } = JSON.parse(partial) as {
      readonly rejectedSpans?: number | string;
      readonly errorMessage?: string;
    };
    const cause = `the collector rejected spans: ${describeThrown(errorMessage ?? 'it does not say why')}`;
    this.#lost.add('rejected', Number(rejectedSpans ?? 0), cause);
  }
}
