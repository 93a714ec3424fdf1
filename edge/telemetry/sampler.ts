import { type Context, trace } from '@opentelemetry/api';
import { type Sampler, SamplingDecision, type SamplingResult } from '@opentelemetry/sdk-trace-base';
import type { SamplerName } from '../../shared/trace/otel-settings.ts';
import { samplerOf } from '../../shared/trace/sampler.ts';

const ALARM_SPAN = 'Durable Object Alarm';

/**
 * The sampler that `OTEL_TRACES_SAMPLER` names.
 * @param ratio `OTEL_TRACES_SAMPLER_ARG`, from 0 to 1; only the ratio samplers use it
 */
export function createSampler(name: SamplerName, ratio: number): Sampler {
  return new TracestateKeepingSampler(samplerOf(name, ratio));
}

/**
 * Returns the parent's tracestate if the inner sampler returns none. OpenTelemetry's own tracer does this itself;
 * the tracer of @microlabs/otel-cf-workers would drop the tracestate.
 */
class TracestateKeepingSampler implements Sampler {
  readonly #inner: Sampler;

  constructor(inner: Sampler) {
    this.#inner = inner;
  }

  shouldSample(context: Context, ...rest: Tail<Parameters<Sampler['shouldSample']>>): SamplingResult {
    const [, name] = rest;
    // The library starts a trace for each alarm. While an outbox is in use, there would be an empty trace every few
    // seconds.
    if (name.startsWith(ALARM_SPAN)) return { decision: SamplingDecision.NOT_RECORD };
    const result = this.#inner.shouldSample(context, ...rest);
    const traceState = result.traceState ?? trace.getSpanContext(context)?.traceState;
    return traceState === undefined ? result : { ...result, traceState };
  }

  toString(): string {
    return this.#inner.toString();
  }
}

type Tail<List extends unknown[]> = List extends [unknown, ...infer Rest] ? Rest : never;
