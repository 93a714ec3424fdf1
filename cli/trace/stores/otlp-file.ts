import { open } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { checkRegularFile } from '../../../create/regular-file.ts';
import { fileFault } from '../../../shared/text/file-fault.ts';
import { parseJson } from '../../../shared/text/json/parse-json.ts';
import { readTraceExport } from '../../../shared/trace/otlp/trace-export.ts';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import { CliError } from '../../cli-error.ts';
import { type StoredTrace, storedTrace, type TraceStore } from './trace-store.ts';

/** How an export of any signal begins. */
const RESOURCES = ['resourceSpans', 'resourceLogs', 'resourceMetrics', 'resourceProfiles'];

/**
 * A file of OTLP in JSON: an export in each line, as the file exporter of OpenTelemetry's Collector writes it, or one export over
 * many lines.
 */
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
    for await (const text of this.#exports(signal)) {
      // A file may hold many traces, so only the exports of this one are parsed.
      if (text.toLowerCase().includes(traceId)) spans.push(...spansIn(text));
    }
    return storedTrace(spans.filter((span) => span.traceId === traceId));
  }

  async recent(service: string, since: number, signal: AbortSignal): Promise<string[]> {
    const ids = new Set<string>();
    for await (const text of this.#exports(signal)) {
      if (!text.includes(service)) continue;
      for (const span of spansIn(text))
        if (span.service === service && span.startMs >= since) ids.add(span.traceId);
    }
    return [...ids];
  }

  /**
   * The texts of the exports. If one of the first two lines is one, each line after it is one too: the first line may be the end of
   * one whose beginning was cut off, as in a file that was rotated.
   * @throws CliError `answer-invalid` if there is none
   */
  async *#exports(signal: AbortSignal): AsyncGenerator<string> {
    const lines = this.#lines(signal);
    const beginning: string[] = [];
    for await (const line of lines) {
      if (beginning.length === 0 && line.trim() === '') continue;
      if (beginning.length <= 1 && isExport(line)) {
        yield line;
        yield* lines;
        return;
      }
      beginning.push(line);
    }
    const whole = beginning.join('\n');
    if (isExport(whole)) yield whole;
    // A line that is the only one may be written just now.
    else if (beginning.length > 1 || !/^\s*(?:\{|$)/.test(whole))
      throw new CliError('answer-invalid', `${this.name} is not OTLP in JSON`, {
        hint: 'it needs an export in each line, as the file exporter of a Collector writes it',
      });
  }

  async *#lines(signal: AbortSignal): AsyncGenerator<string> {
    try {
      await checkRegularFile(this.#path);
      const file = await open(this.#path);
      try {
        let isFirst = true;
        for await (const line of file.readLines()) {
          signal.throwIfAborted();
          // Programs of Windows put a mark of UTF-8 before a text.
          yield isFirst ? line.replace(/^\ufeff/, '') : line;
          isFirst = false;
        }
      } finally {
        await file.close().catch(() => undefined);
      }
    } catch (cause) {
      signal.throwIfAborted();
      throw new CliError('traces-unreachable', `${this.name} cannot be read: ${fileFault(cause)}`, {
        cause,
      });
    }
  }
}

function isExport(text: string): boolean {
  const value = parseJson(text);
  return typeof value === 'object' && value !== null && RESOURCES.some((name) => Object.hasOwn(value, name));
}

/** The spans of an export; none if it is not one, as the last line is not while it is written. */
function spansIn(text: string): SpanRecord[] {
  try {
    return readTraceExport(parseJson(text)).spans;
  } catch {
    return [];
  }
}
