import type { SpanRecord } from '../../../shared/trace/span-record.ts';

/** What a trace store has of one trace so far. */
export interface StoredTrace {
  /** In the order of their start; none if the store does not know the trace. */
  readonly spans: readonly SpanRecord[];
  /** Whether the store says that it holds more spans than it gives. */
  readonly isPartial: boolean;
}

/** A trace store that can be asked for traces. All of them give spans in one form. */
export interface TraceStore {
  /** What it is and where, for sentences: `Jaeger at http://…`. */
  readonly name: string;
  /**
   * Reads the spans of a trace that have arrived so far.
   * @param traceId 32 lowercase hexadecimal digits
   * @throws CliError `traces-unreachable` or `answer-invalid`
   */
  read(traceId: string, signal: AbortSignal): Promise<StoredTrace>;
  /**
   * Lists traces with spans of a service, at most about a hundred.
   * @param since epoch milliseconds of the earliest span
   * @returns their ids
   * @throws CliError `traces-unreachable` or `answer-invalid`
   */
  recent(service: string, since: number, signal: AbortSignal): Promise<string[]>;
}

/** A sentence about a trace of which the store gives only a part; none about any other. */
export function partNotes({ name }: TraceStore, { isPartial }: StoredTrace): string[] {
  return isPartial ? [`${name} says that it does not give the whole trace`] : [];
}

export const NO_TRACE: StoredTrace = { spans: [], isPartial: false };

/** A trace of spans in any order, in which a span may be there twice: an exporter sends again when an answer is lost. */
export function storedTrace(spans: readonly SpanRecord[], isPartial = false): StoredTrace {
  const bySpanId = new Map(spans.map((span) => [span.spanId, span]));
  return { spans: [...bySpanId.values()].sort((a, b) => a.startMs - b.startMs), isPartial };
}
