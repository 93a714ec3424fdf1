import { type Context, ROOT_CONTEXT, SpanKind } from '@opentelemetry/api';
import { SamplingDecision } from '@opentelemetry/sdk-trace-base';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSampler } from '../../../edge/telemetry/sampler.ts';
import { withoutRecording } from '../../../edge/telemetry/unrecorded.ts';
import { extract, fromRecord } from '../../../shared/propagation/index.ts';
import { SAMPLERS, type SamplerName } from '../../../shared/trace/settings/otel-settings.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';

const parent = (flags: string, tracestate = 'a=1,b=2'): Context =>
  extract(fromRecord({ traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-${flags}`, tracestate })).context;

const sample = (name: SamplerName, ratio: number, context: Context, traceId = TRACE_ID) =>
  createSampler(name, ratio).shouldSample(context, traceId, 'POST /v1/jobs', SpanKind.SERVER, {}, []);

const isSampled = (...args: Parameters<typeof sample>): boolean =>
  sample(...args).decision === SamplingDecision.RECORD_AND_SAMPLED;

describe('a sampler', () => {
  it.each<[SamplerName, root: boolean, ofSampled: boolean, ofUnsampled: boolean]>([
    ['always_on', true, true, true],
    ['always_off', false, false, false],
    ['parentbased_always_on', true, true, false],
    ['parentbased_always_off', false, true, false],
  ])('%s records a root: %s, below a sampled parent: %s, below an unsampled one: %s', (name, ...expected) => {
    expect([ROOT_CONTEXT, parent('01'), parent('00')].map((context) => isSampled(name, 1, context))).toEqual(
      expected,
    );
  });

  it.each(['traceidratio', 'parentbased_traceidratio'] as const)(
    '%s takes all at 1 and none at 0',
    (name) => {
      expect(isSampled(name, 1, ROOT_CONTEXT)).toBe(true);
      expect(isSampled(name, 0, ROOT_CONTEXT)).toBe(false);
    },
  );

  it('with a ratio records about that part of the traces, and each trace whole or not at all', () => {
    const ids = fc.sample(fc.stringMatching(/^[0-9a-f]{31}[1-9a-f]$/), { numRuns: 2_000, seed: 1 });
    const taken = ids.filter((id) => isSampled('traceidratio', 0.25, ROOT_CONTEXT, id));
    expect(taken.length / ids.length).toBeGreaterThan(0.15);
    expect(taken.length / ids.length).toBeLessThan(0.35);
    expect(taken.every((id) => isSampled('traceidratio', 0.25, ROOT_CONTEXT, id))).toBe(true);
  });

  it('with a ratio follows the parent if it is parent based', () => {
    expect(isSampled('parentbased_traceidratio', 0, parent('01'))).toBe(true);
    expect(isSampled('parentbased_traceidratio', 1, parent('00'))).toBe(false);
  });

  it.each(SAMPLERS)('%s records nothing in a context that says so', (name) => {
    for (const context of [ROOT_CONTEXT, parent('01')]) {
      expect(isSampled(name, 1, withoutRecording(context))).toBe(false);
    }
  });

  it.each<[SamplerName, RegExp]>([
    ['always_on', /^AlwaysOnSampler$/],
    ['always_off', /^AlwaysOffSampler$/],
    ['traceidratio', /^TraceIdRatioBased\{0\.5\}$/],
    ['parentbased_always_on', /^ParentBased\{root=AlwaysOnSampler,/],
    ['parentbased_always_off', /^ParentBased\{root=AlwaysOffSampler,/],
    ['parentbased_traceidratio', /^ParentBased\{root=TraceIdRatioBased\{0\.5\},/],
  ])('%s says its name and its ratio', (name, text) => {
    expect(createSampler(name, 0.5).toString()).toMatch(text);
  });
});
