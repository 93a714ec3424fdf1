import {
  baggageEntryMetadataFromString,
  type Context,
  propagation,
  ROOT_CONTEXT,
  trace,
} from '@opentelemetry/api';
import { inject, TraceState } from '../../../shared/propagation/index.ts';
import { type BaggageMember, CONTEXTS, type SdkContext } from './contexts.ts';

/** The headers that our code injects for each context. The SDKs read them. */
export function ours() {
  return CONTEXTS.map((each) => ({ what: each.what, headers: inject(contextOf(each)) }));
}

function contextOf({ span, tracestate = [], baggage }: SdkContext): Context {
  let context = ROOT_CONTEXT;
  if (span !== undefined) {
    const { traceId, spanId, flags } = span;
    const traceState = tracestate.reduceRight((list, [key, value]) => list.set(key, value), TraceState.EMPTY);
    context = trace.setSpanContext(context, { traceId, spanId, traceFlags: flags, traceState });
  }
  return baggage === undefined ? context : propagation.setBaggage(context, baggageOf(baggage));
}

function baggageOf(members: readonly BaggageMember[]) {
  let all = propagation.createBaggage();
  for (const [key, value, properties] of members) {
    const text = properties?.map((property) => property.join('=')).join(';');
    const entry = text === undefined ? { value } : { value, metadata: baggageEntryMetadataFromString(text) };
    all = all.setEntry(key, entry);
  }
  return all;
}
