import { type Context, isSpanContextValid, TraceFlags, trace } from '@opentelemetry/api';
import { type Sampler, SamplingDecision, type SamplingResult } from '@opentelemetry/sdk-trace';

/** Spans of connections: OpenTelemetry's instrumentations of `net` and `dns` make them. */
const CONNECTION = /^(?:tcp|tls|ipc)\.connect$|^dns\./;
const DOT = 0x2e;

/**
 * A sampler that records connections only as a part of other work. One that belongs to no job, such as that to NATS, would
 * be a trace of its own.
 */
export class WorkSampler implements Sampler {
  readonly #sampler: Sampler;

  constructor(sampler: Sampler) {
    this.#sampler = sampler;
  }

  shouldSample(context: Context, traceId: string, name: string, ...more: Rest): SamplingResult {
    if (isConnection(name) && !isWork(context)) return { decision: SamplingDecision.NOT_RECORD };
    return this.#sampler.shouldSample(context, traceId, name, ...more);
  }

  toString(): string {
    return `WorkSampler{${this.#sampler}}`;
  }
}

/** Nearly no span is one, so most names are only looked at in one place. */
function isConnection(name: string): boolean {
  return typeof name === 'string' && name.charCodeAt(3) === DOT && CONNECTION.test(name);
}

type Rest =
  Parameters<Sampler['shouldSample']> extends [Context, string, string, ...infer More] ? More : never;

function isWork(context: Context): boolean {
  const parent = trace.getSpanContext(context);
  return parent !== undefined && isSpanContextValid(parent) && (parent.traceFlags & TraceFlags.SAMPLED) !== 0;
}
