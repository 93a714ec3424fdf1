import { type TraceState as ApiTraceState, type Context, propagation, trace } from '@opentelemetry/api';
import { formatBaggage } from './baggage.ts';
import type { Carrier } from './carrier.ts';
import { inboundOf } from './span-context.ts';
import { FLAG_RANDOM, formatTraceparent } from './traceparent.ts';
import { TraceState } from './tracestate.ts';

/**
 * Writes the span and the baggage of a context to a new carrier. Without a valid span context, the carrier has no
 * `traceparent`. Without `traceparent`, it has no `tracestate`. No field is empty. Only the sampled and random flags
 * are sent (W3C Trace Context Level 2, section 3.2.2.5). Never throws.
 *
 * @example
 * const { traceparent } = inject(context); // 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03
 */
export function inject(context: Context): Carrier {
  const carrier: Carrier = {};
  // Any program may have made the span, the trace state and the baggage, and all of them may throw. Each field is set
  // as a whole or not at all.
  try {
    injectTrace(context, carrier);
  } catch {}
  try {
    injectBaggage(context, carrier);
  } catch {}
  return carrier;
}

function injectTrace(context: Context, carrier: Carrier): void {
  const span = trace.getSpanContext(context);
  if (span === undefined) return;
  const inbound = inboundOf(context, span.traceId);
  const traceparent = formatTraceparent(span, (inbound?.traceFlags ?? 0) & FLAG_RANDOM);
  if (traceparent === undefined) return;
  carrier.traceparent = traceparent;
  const state = span.traceState ?? inbound?.traceState;
  const tracestate = state === undefined ? '' : serialize(state);
  if (tracestate !== '') carrier.tracestate = tracestate;
}

/**
 * Writes a trace state as the value of `tracestate`. A trace state of another class, for instance that of a sampler, may
 * hold anything. For this reason its text is read again by our rules.
 */
function serialize(state: ApiTraceState): string {
  if (state instanceof TraceState) return state.serialize();
  return TraceState.parse([state.serialize()]).state?.serialize() ?? '';
}

function injectBaggage(context: Context, carrier: Carrier): void {
  const baggage = propagation.getBaggage(context);
  if (baggage === undefined) return;
  const text = formatBaggage(baggage);
  if (text !== '') carrier.baggage = text;
}
