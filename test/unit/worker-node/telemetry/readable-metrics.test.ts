import { JsonMetricsSerializer } from '@opentelemetry/otlp-transformer';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { expect, it, onTestFinished } from 'vitest';
import { Exemplars } from '../../../../worker-node/telemetry/measure/exemplars.ts';
import { Exposition } from '../../../../worker-node/telemetry/measure/exposition.ts';
import { readableMetrics } from '../../../../worker-node/telemetry/measure/readable-metrics.ts';

interface Point {
  readonly attributes: readonly { readonly key: string; readonly value: unknown }[];
  readonly asDouble?: unknown;
  readonly sum?: unknown;
  readonly max?: unknown;
}

it('numbers that JSON does not have, and integers beyond 64 bits, are texts in an export', async () => {
  const { reader } = new Exposition(new Exemplars());
  const provider = new MeterProvider({ readers: [reader] });
  onTestFinished(() => provider.shutdown());
  const meter = provider.getMeter('shop');
  const attributes = { large: 2 ** 70, small: 7, half: 0.5, text: 'x' };
  meter.createGauge('average').record(Number.NaN, attributes);
  meter.createCounter('sum').add(1.5);
  meter.createHistogram('took').record(Number.POSITIVE_INFINITY);
  const { resourceMetrics } = await reader.collect();
  const bytes = JsonMetricsSerializer.serializeRequest(readableMetrics(resourceMetrics));
  const [{ scopeMetrics }] = JSON.parse(new TextDecoder().decode(bytes)).resourceMetrics;
  const pointOf = (name: string): Point => {
    const metric = scopeMetrics[0].metrics.find((one: { name: string }) => one.name === name);
    return (metric.gauge ?? metric.sum ?? metric.histogram).dataPoints[0];
  };
  expect(pointOf('average').asDouble).toBe('NaN');
  expect(pointOf('average').attributes.map(({ value }) => value)).toEqual([
    { stringValue: '1.1805916207174113e+21' },
    { intValue: 7 },
    { doubleValue: 0.5 },
    { stringValue: 'x' },
  ]);
  expect(pointOf('sum').asDouble).toBe(1.5);
  expect(pointOf('took')).toMatchObject({ count: 1, sum: 'Infinity', max: 'Infinity' });
});
