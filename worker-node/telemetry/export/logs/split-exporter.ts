import { ExportResultCode } from '@opentelemetry/core';
import type { LogRecordExporter, ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { Exported } from '../otlp-exporter.ts';
import type { PatientExporter } from './patient-exporter.ts';
import { charactersOf } from './record-size.ts';

/** A request has no more, unless a single record does: collectors limit the body of a request, and refuse all of one that is larger. */
const FULL_CHARACTERS = 2 * 1_024 * 1_024;

/** Sends a batch as several requests, one after the other, if it would be too large for one: the lines of an author may be long. */
export class SplitExporter implements LogRecordExporter {
  readonly #exporter: PatientExporter;

  constructor(exporter: PatientExporter) {
    this.#exporter = exporter;
  }

  export(records: ReadableLogRecord[], done: (result: Exported) => void): void {
    const [first = [], ...others] = partsOf(records);
    let ended: Exported = { code: ExportResultCode.SUCCESS };
    const send = (part: ReadableLogRecord[]): void =>
      this.#exporter.export(part, (result) => {
        if (result.code === ExportResultCode.FAILED) ended = result;
        const next = others.shift();
        if (next === undefined) done(ended);
        else send(next);
      });
    send(first);
  }

  async forceFlush(): Promise<void> {
    await this.#exporter.forceFlush();
  }

  async shutdown(): Promise<void> {
    await this.#exporter.shutdown();
  }
}

function partsOf(records: readonly ReadableLogRecord[]): ReadableLogRecord[][] {
  const parts: ReadableLogRecord[][] = [];
  let left = 0;
  for (const record of records) {
    const characters = charactersOf(record);
    if (characters > left) {
      parts.push([]);
      left = FULL_CHARACTERS;
    }
    parts.at(-1)?.push(record);
    left -= characters;
  }
  return parts;
}
