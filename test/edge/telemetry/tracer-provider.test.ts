import { type Context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { expect, it } from 'vitest';
import { createSampler } from '../../../edge/telemetry/sampler.ts';
import { EdgeTracerProvider } from '../../../edge/telemetry/tracer-provider.ts';
import { extract, fromRecord, inject } from '../../../shared/propagation/index.ts';
import { SAMPLERS, type SamplerName } from '../../../shared/trace/settings/otel-settings.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';

const parent = (flags: string): Context =>
  extract(fromRecord({ traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-${flags}`, tracestate: 'a=1,b=2' }))
    .context;

const tracerWith = (name: SamplerName) =>
  new EdgeTracerProvider({ sampler: createSampler(name, 0.5) }).getTracer('it');

/** What a span that starts in `base` would send on. */
const sent = (name: SamplerName, base: Context, options = {}) =>
  inject(trace.setSpan(base, tracerWith(name).startSpan('it', options, base)));

it.each(SAMPLERS)(
  'with the sampler %s each span keeps the tracestate and the random flag of its parent',
  (name) => {
    for (const flags of ['00', '01', '02', '03']) {
      const { traceparent = '', tracestate } = sent(name, parent(flags));
      expect(tracestate).toBe('a=1,b=2');
      expect(Number.parseInt(traceparent.slice(-2), 16) & 2).toBe(Number(flags) & 2);
    }
  },
);

it.each(SAMPLERS)('with the sampler %s a new trace has the random flag and no tracestate', (name) => {
  for (const [base, options] of [
    [ROOT_CONTEXT, {}],
    [trace.deleteSpan(parent('00')), { root: true }],
  ] as const) {
    const { traceparent, tracestate } = sent(name, base, options);
    expect(traceparent).toMatch(/-0[23]$/);
    expect(tracestate).toBeUndefined();
  }
});

it('starts the root of a new trace below a parent, if asked for one', () => {
  const span = tracerWith('always_on').startSpan('it', { root: true }, parent('00'));
  expect(span.spanContext()).toMatchObject({ traceFlags: 3 });
  expect(span.spanContext().traceId).not.toBe(TRACE_ID);
});

it('gives the same tracer for the same scope', () => {
  const provider = new EdgeTracerProvider();
  expect(provider.getTracer('a', '1')).toBe(provider.getTracer('a', '1'));
  expect(provider.getTracer('a', '1')).not.toBe(provider.getTracer('a', '2'));
});

it('an active span is the parent of the next one', () => {
  const tracer = tracerWith('always_on');
  tracer.startActiveSpan('it', {}, parent('03'), (span) => {
    expect(span.spanContext()).toMatchObject({ traceId: TRACE_ID, traceFlags: 3 });
  });
});
