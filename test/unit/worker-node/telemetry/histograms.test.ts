import type { Attributes } from '@opentelemetry/api';
import {
  AggregationTemporality,
  DataPointType,
  MeterProvider,
  MetricReader,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import { expect, it, onTestFinished } from 'vitest';
import type { MetricDefinition } from '../../../../shared/trace/metric.ts';
import { Histograms } from '../../../../worker-node/telemetry/measure/histograms.ts';

const BUCKETS = [0.125, 1, 10];
const DEFINITION: MetricDefinition = {
  name: 'job.duration',
  instrument: 'histogram',
  unit: 's',
  description: 'How long jobs run.',
  attributes: {},
  buckets: BUCKETS,
  where: 'in this test',
};
const SCOPE = { name: 'shop', version: '1' };

class Reader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

const MEASURED: readonly [number, Attributes][] = [
  ...[0, 0.125, 0.25, 1, 9.75, 10, 10.5, 1e9, -1].map((value): [number, Attributes] => [value, { a: 'x' }]),
  ...[Number.NaN, Number.POSITIVE_INFINITY, 2].map((value): [number, Attributes] => [
    value,
    { a: 'x', b: 'y' },
  ]),
  ...[1, 2].map((value): [number, Attributes] => [value, {}]),
];

function withoutTimes(scopes: readonly ScopeMetrics[]): unknown {
  return scopes.flatMap(({ metrics }) =>
    metrics.map(({ descriptor, dataPoints, ...rest }) => ({
      ...rest,
      descriptor: { ...descriptor, advice: undefined, type: undefined },
      dataPoints: dataPoints.map(({ attributes, value }) => ({ attributes, value })),
    })),
  );
}

it('have the same points as the histograms of the SDK', async () => {
  const histograms = new Histograms({ took: DEFINITION }, SCOPE);
  const sdk = new Reader({ aggregationTemporalitySelector: () => AggregationTemporality.CUMULATIVE });
  const provider = new MeterProvider({ readers: [sdk] });
  onTestFinished(() => provider.shutdown());
  const { name, unit, description } = DEFINITION;
  const advice = { explicitBucketBoundaries: BUCKETS };
  const known = provider
    .getMeter(SCOPE.name, SCOPE.version)
    .createHistogram(name, { unit, description, advice });
  for (let reading = 0; reading < 2; reading++) {
    for (const [value, attributes] of MEASURED) {
      histograms.record('took', value, attributes);
      known.record(value, attributes);
    }
    const own = (await histograms.collect()).resourceMetrics.scopeMetrics;
    const theirs = (await sdk.collect()).resourceMetrics.scopeMetrics;
    expect(own.map(({ scope }) => scope)).toEqual([SCOPE]);
    expect(withoutTimes(own)).toEqual(withoutTimes(theirs));
  }
});

it('are left out until they have measured something', async () => {
  const histograms = new Histograms({ took: DEFINITION }, SCOPE);
  expect((await histograms.collect()).resourceMetrics.scopeMetrics).toEqual([]);
});

it('a reading does not change when more is measured', async () => {
  const histograms = new Histograms({ took: DEFINITION }, SCOPE);
  histograms.record('took', 1, {});
  const read = await histograms.collect();
  histograms.record('took', 1, {});
  const [metric] = read.resourceMetrics.scopeMetrics[0]?.metrics ?? [];
  if (metric?.dataPointType !== DataPointType.HISTOGRAM) throw new Error('no histogram');
  expect(metric.dataPoints[0]?.value).toMatchObject({ count: 1, buckets: { counts: [0, 1, 0, 0] } });
});

it('have no series of values that count nothing', async () => {
  const histograms = new Histograms({ took: DEFINITION }, SCOPE);
  histograms.record('took', -1, {});
  histograms.record('took', Number.NaN, {});
  expect((await histograms.collect()).resourceMetrics.scopeMetrics).toEqual([]);
});
