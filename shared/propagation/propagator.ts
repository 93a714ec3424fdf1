import type { Context, TextMapGetter, TextMapPropagator, TextMapSetter } from '@opentelemetry/api';
import { type CarrierReader, FIELDS, setCarrier } from './carrier.ts';
import { extract } from './extract.ts';
import { inject } from './inject.ts';
import { collect, toValues } from './readers.ts';

/**
 * An OpenTelemetry propagator for trace context and baggage, so that an SDK and its instrumentations follow the same rules
 * as our own code. The propagator has no state, so one is enough for a process.
 *
 * @example
 * new NodeSDK({ textMapPropagator: new ThroughlinePropagator() });
 */
export class ThroughlinePropagator implements TextMapPropagator<unknown> {
  /** Sets the fields of `inject(context)`. Throws only what the setter throws. */
  inject(context: Context, carrier: unknown, setter: TextMapSetter<unknown>): void {
    setCarrier(inject(context), (name, value) => setter.set(carrier, name, value));
  }

  /** The context of `extract`. Never throws; use `extract` itself if the outcome matters. */
  extract(context: Context, carrier: unknown, getter: TextMapGetter<unknown>): Context {
    return extract(fromGetter(carrier, getter), context).context;
  }

  /** `traceparent`, `tracestate` and `baggage`. */
  fields(): string[] {
    return [...FIELDS];
  }
}

/** `get` of a getter knows one spelling of a name. Its `keys`, if it has them, give the other spellings. */
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
