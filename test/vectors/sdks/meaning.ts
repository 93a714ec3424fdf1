import { type Context, propagation, trace } from '@opentelemetry/api';
import type { BaggageMember, SdkContext } from './contexts.ts';

/** What a context says, in a form that can be compared: baggage is in the order of its keys. */
export interface Meaning {
  readonly span: SdkContext['span'] | undefined;
  readonly tracestate: readonly (readonly [string, string])[];
  readonly baggage: readonly BaggageMember[];
}

const byKey = ([a]: BaggageMember, [b]: BaggageMember): number => (a < b ? -1 : 1);

/** Returns the meaning of a context of the list, or of one that an SDK extracted. */
export const meant = ({ span, tracestate = [], baggage = [] }: SdkContext): Meaning => ({
  span,
  tracestate,
  baggage: baggage.toSorted(byKey),
});

/** Returns the meaning of a context that we extracted. */
export function understood(context: Context): Meaning {
  const span = trace.getSpanContext(context);
  const members = span?.traceState?.serialize().split(',') ?? [];
  const entries = propagation.getBaggage(context)?.getAllEntries() ?? [];
  return meant({
    what: '',
    span: span && { traceId: span.traceId, spanId: span.spanId, flags: span.traceFlags },
    tracestate: members.map((member) => parts(member, '=')),
    baggage: entries.map(([key, { value, metadata }]) => {
      const properties = metadata?.toString().split(';') ?? [];
      return properties.length === 0
        ? [key, value]
        : [key, value, properties.map((each) => (each.includes('=') ? parts(each, '=') : [each]))];
    }),
  });
}

function parts(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return [text.slice(0, at), text.slice(at + 1)];
}
