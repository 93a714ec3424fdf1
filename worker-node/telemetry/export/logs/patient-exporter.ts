import { context } from '@opentelemetry/api';
import { ExportResultCode } from '@opentelemetry/core';
import type { LogRecordExporter, ReadableLogRecord } from '@opentelemetry/sdk-logs';
import { startTimer } from '../../../../shared/timers.ts';
import type { CountedExporter } from '../counted-exporter.ts';
import type { Exported } from '../otlp-exporter.ts';

/** Sends a batch when the collector wants something again, or when all that wait are to be sent at once. */
export class PatientExporter implements LogRecordExporter {
  readonly #exporter: CountedExporter<ReadableLogRecord[]>;
  readonly #collector: { readonly pauseMs: number };
  readonly #timeoutMs: number;
  readonly #held = new Set<() => void>();
  #isHurried = false;

  /** @param timeoutMs how long the SDK waits for the answer to a batch that was sent, before it sends the next one */
  constructor(
    exporter: CountedExporter<ReadableLogRecord[]>,
    collector: { readonly pauseMs: number },
    timeoutMs: number,
  ) {
    this.#exporter = exporter;
    this.#collector = collector;
    this.#timeoutMs = timeoutMs;
  }

  export(records: ReadableLogRecord[], done: (result: Exported) => void): void {
    const { pauseMs } = this.#collector;
    const send = context.bind(context.active(), () => {
      timer.stop();
      if (this.#held.delete(send)) this.#send(records, done);
    });
    this.#held.add(send);
    const timer = startTimer(pauseMs, send);
    if (pauseMs === 0 || this.#isHurried) send();
  }

  /** From now on each batch is sent at once. */
  hurry(): void {
    this.#isHurried = true;
    this.#sendHeld();
  }

  async forceFlush(): Promise<void> {
    this.#sendHeld();
    await this.#exporter.forceFlush();
  }

  async shutdown(): Promise<void> {
    await this.#exporter.shutdown();
  }

  #sendHeld(): void {
    for (const send of this.#held) send();
  }

  #send(records: ReadableLogRecord[], done: (result: Exported) => void): void {
    let isOpen = true;
    const end = (result: Exported): void => {
      timer.stop();
      if (!isOpen) return;
      isOpen = false;
      done(result);
    };
    const error = new Error('no answer in time');
    const timer = startTimer(this.#timeoutMs, () => end({ code: ExportResultCode.FAILED, error }));
    this.#exporter.export(records, end);
  }
}
