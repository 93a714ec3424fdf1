import { SERVICE } from '../../../shared/trace/semantics.ts';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import type { TraceStore } from './trace-store.ts';

const PARTS = ['edge', 'bridge', 'worker'] as const;

/** A part of Throughline whose spans have another `service.name` (`OTEL_SERVICE_NAME`) than it has by itself. */
export interface ServiceName {
  readonly part: (typeof PARTS)[number];
  readonly name: string;
}

/** Parses `worker=shop-worker`. @returns undefined if it is not so */
export function parseServiceName(text: string): ServiceName | undefined {
  const [word, ...rest] = text.split('=');
  const part = PARTS.find((known) => known === word);
  const name = rest.join('=');
  return part === undefined || name === '' ? undefined : { part, name };
}

/** A store that gives the spans of these services under the names that they have by themselves. */
export function withServices(store: TraceStore, names: readonly ServiceName[]): TraceStore {
  if (names.length === 0) return store;
  const usual = new Map(names.map(({ part, name }) => [name, SERVICE[part]]));
  const own = new Map(names.map(({ part, name }) => [SERVICE[part] as string, name]));
  const renamed = (span: SpanRecord): SpanRecord => ({
    ...span,
    service: usual.get(span.service) ?? span.service,
  });
  return {
    name: store.name,
    read: async (traceId, signal) => {
      const { spans, isPartial } = await store.read(traceId, signal);
      return { spans: spans.map(renamed), isPartial };
    },
    recent: (service, since, signal) => store.recent(own.get(service) ?? service, since, signal),
  };
}
