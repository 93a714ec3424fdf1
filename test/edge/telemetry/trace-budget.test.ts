import { type Context, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { SamplingDecision } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it, vi } from 'vitest';
import { SpanCounts } from '../../../edge/telemetry/export/span-counts.ts';
import { createSampler } from '../../../edge/telemetry/sampler.ts';
import { TraceBudget, withCaller } from '../../../edge/telemetry/trace-budget.ts';
import { extract, fromRecord } from '../../../shared/propagation/index.ts';
import type { SamplerName } from '../../../shared/trace/settings/otel-settings.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const FORCED = extract(fromRecord({ traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01` })).context;

function setup(name: SamplerName, ratio = 1) {
  const clock = { now: 0 };
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const counts = new SpanCounts(log, () => clock.now);
  const settings = { TRACE_ANONYMOUS_PER_MINUTE: 3, TRACE_FORCED_PER_MINUTE: 2 };
  const sampler = createSampler(name, ratio, new TraceBudget(settings, counts, () => clock.now));
  const isSampled = (context: Context): boolean =>
    sampler.shouldSample(context, TRACE_ID, 'request', SpanKind.SERVER, {}, []).decision ===
    SamplingDecision.RECORD_AND_SAMPLED;
  /** How many of `times` requests are recorded. */
  const recorded = (times: number, tenant: string | undefined, context = ROOT_CONTEXT): number =>
    Array.from({ length: times }, () => isSampled(withCaller(context, tenant))).filter(Boolean).length;
  return { clock, counts, isSampled, recorded };
}

describe('the budget for traces', () => {
  it('limits all anonymous callers together, and is there again after a minute', () => {
    const { recorded, clock, counts } = setup('parentbased_always_on');
    expect(recorded(10, undefined)).toBe(3);
    expect(recorded(10, undefined, FORCED)).toBe(0);
    expect(counts.lost.overBudget).toBe(17);
    clock.now = 60_000;
    expect(recorded(10, undefined)).toBe(3);
  });

  it('limits each tenant that forces the sampler, and not the others', () => {
    const { recorded, counts } = setup('parentbased_traceidratio', 0);
    expect(recorded(10, 'acme', FORCED)).toBe(2);
    expect(recorded(10, 'globex', FORCED)).toBe(2);
    expect(counts.lost.overBudget).toBe(16);
  });

  it('limits no tenant where the sampler takes everything, or where nothing is forced', () => {
    expect(setup('parentbased_always_on').recorded(100, 'acme', FORCED)).toBe(100);
    expect(setup('parentbased_traceidratio').recorded(100, 'acme')).toBe(100);
  });

  it('is not used up by requests that the sampler does not take', () => {
    const { recorded, counts } = setup('parentbased_always_off');
    expect(recorded(10, undefined)).toBe(0);
    expect(recorded(10, undefined, FORCED)).toBe(3);
    expect(counts.lost.overBudget).toBe(7);
  });

  it('takes a trace whole or not at all: only the first span of a request is counted', () => {
    const { recorded, isSampled } = setup('parentbased_always_on');
    expect(recorded(3, undefined)).toBe(3);
    const span = { traceId: TRACE_ID, spanId: '00f067aa0ba902b7', traceFlags: 1 };
    const below = trace.setSpanContext(withCaller(ROOT_CONTEXT, undefined), span);
    expect(isSampled(below)).toBe(true);
    expect(isSampled(trace.setSpanContext(below, { ...span, traceFlags: 0 }))).toBe(false);
  });
});
