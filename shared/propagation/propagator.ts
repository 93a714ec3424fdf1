import type { Context, TextMapGetter, TextMapPropagator, TextMapSetter } from '@opentelemetry/api';
import { type CarrierReader, FIELDS, setCarrier } from './carrier.ts';
import { extract } from './extract.ts';
import { inject } from './inject.ts';
import { collect, toValues } from './readers.ts';

/**
 * An OpenTelemetry propagator for trace context and baggage. With this propagator, an SDK and its instrumentations
 * follow the same rules as our own code. The propagator has no state, so one propagator is enough for a process.
 *
 * @example
 * new NodeSDK({ textMapPropagator: new ThroughlinePropagator() });
 */
export class ThroughlinePropagator implements TextMapPropagator<unknown> {
  /** Sets the fields that `inject(context)` returns. Throws only what the setter throws. */
  inject(context: Context, carrier: unknown, setter: TextMapSetter<unknown>): void {
    setCarrier(inject(context), (name, value) => setter.set(carrier, name, value));
  }

  /** Returns the context that `extract` reads. Never throws. Call `extract` itself if you need the outcome. */
  extract(context: Context, carrier: unknown, getter: TextMapGetter<unknown>): Context {
    return extract(fromGetter(carrier, getter), context).context;
  }

  /** Returns the names `traceparent`, `tracestate` and `baggage`. */
  fields(): string[] {
    return [...FIELDS];
  }
}

/**
 * Reads a carrier through a getter. The getter's `get` knows one spelling of a name. Its `keys`, if present, give the
 * other spellings.
 */
function fromGetter(carrier: unknown, getter: TextMapGetter<unknown>): CarrierReader {
  let keys: readonly string[] | undefined;
  return (name) => {
    keys ??= keysOf(carrier, getter);
    const values = collect(keys, name, (key) => toValues(getter.get(carrier, key)));
    return values.length > 0 ? values : toValues(getter.get(carrier, name));
  };
}

function keysOf(carrier: unknown, getter: TextMapGetter<unknown>): readonly string[] {
  try {
    return getter.keys(carrier);
  } catch {
    return [];
  }
}
