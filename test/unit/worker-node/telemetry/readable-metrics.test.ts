import { ValueType } from '@opentelemetry/api';
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

/** What a reader of a worker exports after `measure` has used a provider, as OTLP's JSON: the metrics of each scope. */
async function exported(measure: (provider: MeterProvider) => void) {
  const { reader } = new Exposition(new Exemplars());
  const provider = new MeterProvider({ readers: [reader] });
  onTestFinished(() => provider.shutdown());
  measure(provider);
  const { resourceMetrics } = await reader.collect();
  const bytes = JsonMetricsSerializer.serializeRequest(readableMetrics(resourceMetrics));
  return JSON.parse(new TextDecoder().decode(bytes)).resourceMetrics[0].scopeMetrics;
}

it('numbers that JSON does not have, and integers beyond 64 bits, are texts in an export', async () => {
  const scopeMetrics = await exported((provider) => {
    const meter = provider.getMeter('shop');
    const attributes = { large: 2 ** 70, small: 7, half: 0.5, text: 'x' };
    meter.createGauge('average').record(Number.NaN, attributes);
    meter.createCounter('sum').add(1.5);
    meter.createHistogram('took').record(Number.POSITIVE_INFINITY);
  });
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

it.each<[string, unknown]>([
  ['a number', 7],
  ['an object', { name: 'shop' }],
  ['half a character', 'shop \ud83d'],
])('names of a meter and its metrics that are %s are texts in an export', async (_what, said) => {
  const text = said as string;
  const [{ scope, schemaUrl, metrics }] = await exported((provider) =>
    provider
      .getMeter(text, text, { schemaUrl: text })
      .createCounter('sold', { description: text, unit: text })
      .add(1, { [text]: text, list: [text] }),
  );
  const [{ description, unit, sum }] = metrics;
  const { attributes } = sum.dataPoints[0];
  expect(attributes).toHaveLength(2);
  const [{ key }] = attributes;
  for (const one of [scope.name, scope.version, schemaUrl, description, unit, key]) {
    expect(one).toBeTypeOf('string');
    expect(one.isWellFormed()).toBe(true);
  }
  expect(JSON.stringify(attributes)).not.toContain('ud83d');
});

it('a counter of integers beyond 64 bits is one of fractions in an export', async () => {
  const [{ metrics }] = await exported((provider) => {
    const meter = provider.getMeter('shop');
    const options = { valueType: ValueType.INT };
    meter.createUpDownCounter('large', options).add(1e20);
    meter.createUpDownCounter('usual', options).add(3);
  });
  const points = metrics.map(({ sum }: never) => (sum as { dataPoints: Point[] }).dataPoints[0]);
  expect(points).toMatchObject([{ asDouble: 1e20 }, { asInt: 3 }]);
});

it('a histogram whose bounds are no numbers has no buckets in an export', async () => {
  const advice = { explicitBucketBoundaries: [1, Number.NaN] };
  const [{ metrics }] = await exported((provider) =>
    provider.getMeter('shop').createHistogram('took', { advice }).record(3),
  );
  expect(metrics[0].histogram.dataPoints[0]).toMatchObject({ bucketCounts: [1], explicitBounds: [], sum: 3 });
});
