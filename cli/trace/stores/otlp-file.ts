import { open } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describeThrown } from '../../../shared/errors.ts';
import { parseJson } from '../../../shared/text/json.ts';
import { readTraceExport } from '../../../shared/trace/otlp/trace-export.ts';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import { CliError } from '../../cli-error.ts';
import { type StoredTrace, storedTrace, type TraceStore } from './trace-store.ts';

/** A file of OTLP in JSON, an export in each line, as the file exporter of OpenTelemetry's Collector writes it. */
export class OtlpFile implements TraceStore {
  readonly #path: string;

  /** @param url a `file:` URL */
  constructor(url: string) {
    this.#path = fileURLToPath(url);
  }

  get name(): string {
    return `the file ${this.#path}`;
  }

  async read(traceId: string, signal: AbortSignal): Promise<StoredTrace> {
    const spans: SpanRecord[] = [];
    for await (const line of this.#lines(signal)) {
      // A file may hold many traces, so only the lines of this one are parsed.
      if (line.toLowerCase().includes(traceId)) spans.push(...spansIn(line));
    }
    return storedTrace(spans.filter((span) => span.traceId === traceId));
  }

  async recent(service: string, since: number, signal: AbortSignal): Promise<string[]> {
    const ids = new Set<string>();
    for await (const line of this.#lines(signal)) {
      if (!line.includes(service)) continue;
      for (const span of spansIn(line))
        if (span.service === service && span.startMs >= since) ids.add(span.traceId);
    }
    return [...ids];
  }

  async *#lines(signal: AbortSignal): AsyncGenerator<string> {
    const file = await open(this.#path).catch((cause: unknown) => {
      throw new CliError('traces-unreachable', `${this.name} cannot be read: ${describeThrown(cause)}`, {
        cause,
      });
    });
    try {
      for await (const line of file.readLines()) {
        signal.throwIfAborted();
        yield line;
      }
    } finally {
      await file.close().catch(() => undefined);
    }
  }
}

/** The spans of a line; none if it is not an export, as the last line is not while it is written. */
function spansIn(line: string): SpanRecord[] {
  try {
    return readTraceExport(parseJson(line)).spans;
  } catch {
    return [];
  }
}
