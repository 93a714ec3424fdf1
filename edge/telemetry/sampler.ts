import { type Context, trace } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  type SamplingResult,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import type { SamplerName } from './settings.ts';

const ALARM_SPAN = 'Durable Object Alarm';

/**
 * The sampler that `OTEL_TRACES_SAMPLER` names.
 * @param ratio `OTEL_TRACES_SAMPLER_ARG`, 0 to 1, where the sampler takes one
 */
export function createSampler(name: SamplerName, ratio: number): Sampler {
  return new TracestateKeepingSampler(SAMPLER_OF[name](ratio));
}

const SAMPLER_OF: Readonly<Record<SamplerName, (ratio: number) => Sampler>> = {
  always_on: () => new AlwaysOnSampler(),
  always_off: () => new AlwaysOffSampler(),
  traceidratio: (ratio) => new TraceIdRatioBasedSampler(ratio),
  parentbased_always_on: () => new ParentBasedSampler({ root: new AlwaysOnSampler() }),
  parentbased_always_off: () => new ParentBasedSampler({ root: new AlwaysOffSampler() }),
  parentbased_traceidratio: (ratio) => new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
};

/**
 * OpenTelemetry's tracer keeps the parent's tracestate when a sampler returns none; the tracer of
 * @microlabs/otel-cf-workers takes the sampler's word alone and would lose it.
 */
class TracestateKeepingSampler implements Sampler {
  readonly #inner: Sampler;

  constructor(inner: Sampler) {
    this.#inner = inner;
  }

  shouldSample(context: Context, ...rest: Tail<Parameters<Sampler['shouldSample']>>): SamplingResult {
    const [, name] = rest;
    // The library's, every few seconds while an outbox is in use: each would be a trace of its own that says nothing.
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
