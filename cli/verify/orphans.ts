import { SERVICE } from '../../shared/trace/semantics.ts';
import type { SpanRecord } from '../../shared/trace/span-record.ts';
import { withoutParent } from '../../shared/trace/span-tree.ts';
import type { TraceStore } from '../trace/stores/trace-store.ts';
import type { Orphan } from './report.ts';

/** How far back the store is asked. */
const LOOK_BACK_MS = 10 * 60_000;

/** Finds CONSUMER spans whose parent never came, each once. */
export class OrphanSearch {
  readonly #store: TraceStore;
  readonly #spansMs: number;
  #reported: ReadonlySet<string> = new Set();

  /** @param spansMs how much later than its child a parent may come: each service sends its spans in batches of its own */
  constructor(store: TraceStore, spansMs: number) {
    this.#store = store;
    this.#spansMs = spansMs;
  }

  /** Looks at traces of the last minutes, about a hundred at most. @throws CliError `traces-unreachable` or `answer-invalid` */
  async next(signal: AbortSignal): Promise<Orphan[]> {
    const now = Date.now();
    const ids = await this.#store.recent(SERVICE.worker, now - LOOK_BACK_MS, signal);
    const seen: Orphan[] = [];
    for (const id of ids) {
      const { spans, isPartial } = await this.#store.read(id, signal);
      if (!isPartial) seen.push(...orphansOf(spans, now - this.#spansMs));
    }
    const found = seen.filter(({ spanId }) => !this.#reported.has(spanId));
    // Those that the store does not list any more need not be remembered.
    this.#reported = new Set(seen.map(({ spanId }) => spanId));
    return found;
  }
}

/** The CONSUMER spans of a trace that ended before a time, and whose parent is not there. @param before epoch milliseconds */
export function orphansOf(spans: readonly SpanRecord[], before: number): Orphan[] {
  return withoutParent(spans)
    .filter(({ kind, startMs, durationMs }) => kind === 'CONSUMER' && startMs + durationMs <= before)
    .map(({ parentSpanId = '', startMs, traceId, spanId, name, service }) => {
      const startedAt = new Date(startMs).toISOString();
      return { traceId, spanId, parentSpanId, name, service, startedAt };
    });
}
