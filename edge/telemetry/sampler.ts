import type { Context } from '@opentelemetry/api';
import { type Sampler, SamplingDecision, type SamplingResult } from '@opentelemetry/sdk-trace';
import { samplerOf } from '../../shared/trace/sampler.ts';
import type { SamplerName } from '../../shared/trace/settings/otel-settings.ts';
import type { TraceBudget } from './trace-budget.ts';
import { isUnrecorded } from './unrecorded.ts';

/**
 * The sampler that `OTEL_TRACES_SAMPLER` names.
 * @param ratio `OTEL_TRACES_SAMPLER_ARG`, from 0 to 1; only the ratio samplers use it
 * @param budget what limits the traces of some callers, whatever the sampler says
 */
export function createSampler(name: SamplerName, ratio: number, budget?: TraceBudget): Sampler {
  return new EdgeSampler(samplerOf(name, ratio), name.endsWith('always_on'), budget);
}

/** Records nothing beyond the budget of the caller, and nothing in a context that is marked as unrecorded. */
class EdgeSampler implements Sampler {
  readonly #inner: Sampler;
  /** Whether it takes every trace that starts here, so that no caller can force it to take more. */
  readonly #takesAll: boolean;
  readonly #budget: TraceBudget | undefined;

  constructor(inner: Sampler, takesAll: boolean, budget: TraceBudget | undefined) {
    this.#inner = inner;
    this.#takesAll = takesAll;
    this.#budget = budget;
  }

  shouldSample(context: Context, ...rest: Tail<Parameters<Sampler['shouldSample']>>): SamplingResult {
    if (isUnrecorded(context)) return { decision: SamplingDecision.NOT_RECORD };
    const result = this.#inner.shouldSample(context, ...rest);
    const isSampled = result.decision === SamplingDecision.RECORD_AND_SAMPLED;
    const isOver = isSampled && this.#budget?.isOver(context, this.#takesAll) === true;
    return isOver ? { ...result, decision: SamplingDecision.NOT_RECORD } : result;
  }

  toString(): string {
    return this.#inner.toString();
  }
}

type Tail<List extends unknown[]> = List extends [unknown, ...infer Rest] ? Rest : never;
