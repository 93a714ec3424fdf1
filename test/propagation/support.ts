import type { BaggageEntry, Context, SpanContext } from '@opentelemetry/api';
import { propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import {
  type CarrierReader,
  type Extraction,
  extract,
  type ReadName,
} from '../../shared/propagation/index.ts';

/** One rule, checked in every runtime. It fails by throwing. */
export interface Case {
  readonly name: string;
  run(): void | Promise<void>;
}

/** Header values by name: one, or several lines of one name. */
export type Headers = { readonly [Name in ReadName]?: string | readonly string[] };

export const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
export const SPAN_ID = '00f067aa0ba902b7';
export const TRACEPARENT = `00-${TRACE_ID}-${SPAN_ID}-01`;

/** The grammars of what may be sent, written down again without the module. */
export const SENT = {
  traceparent: /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[0-3]$/,
  tracestate:
    /^[a-z0-9][a-z0-9_*/@-]{0,255}=[ -+\--<>-~]{0,255}[!-+\--<>-~](?:,[a-z0-9][a-z0-9_*/@-]{0,255}=[ -+\--<>-~]{0,255}[!-+\--<>-~]){0,31}$/,
  baggageMember: /^[\w!#$%&'*+.^`|~-]+=[!#-+\--:<-[\]-~]*(?:;[\w!#$%&'*+.^`|~-]+(?:=[!#-+\--:<-[\]-~]*)?)*$/,
};

/** A simple reader over a row of the table. */
export function reader(headers: Headers): CarrierReader {
  return (name) => {
    const value = headers[name];
    if (value === undefined) return [];
    return typeof value === 'string' ? [value] : value;
  };
}

export const read = (headers: Headers, base?: Context): Extraction => extract(reader(headers), base);

/** Reads `tracestate` lines beside a good `traceparent`. */
export const readState = (...tracestate: string[]): Extraction =>
  read({ traceparent: TRACEPARENT, tracestate });

export const readBaggage = (...baggage: string[]): Extraction => read({ baggage });

/** The entries of a context's baggage as `key=value` or `key=value;metadata`, decoded, in order. */
export function entriesOf(context: Context): string[] {
  const entries = propagation.getBaggage(context)?.getAllEntries() ?? [];
  return entries.map(([key, { value, metadata }]) => `${key}=${value}${metadata ? `;${metadata}` : ''}`);
}

export function withSpan(span: Partial<SpanContext>, base: Context = ROOT_CONTEXT): Context {
  return trace.setSpanContext(base, { traceId: TRACE_ID, spanId: SPAN_ID, traceFlags: 1, ...span });
}

export function withBaggage(entries: Iterable<readonly [string, BaggageEntry]>): Context {
  let baggage = propagation.createBaggage();
  for (const [key, entry] of entries) baggage = baggage.setEntry(key, entry);
  return propagation.setBaggage(ROOT_CONTEXT, baggage);
}

/** A list of `count` members: `k1=v,k2=v,…`. */
export const members = (count: number, value = 'v'): string =>
  Array.from({ length: count }, (_, i) => `k${i + 1}=${value}`).join(',');
