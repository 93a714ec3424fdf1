import { type Attributes, ValueType } from '@opentelemetry/api';
import { millisToHrTime } from '@opentelemetry/core';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  type CollectionResult,
  type DataPoint,
  DataPointType,
  type HistogramMetricData,
  type Histogram as HistogramValue,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics';
import type { MetricDefinition } from '../../../shared/trace/metric.ts';
import { Distribution } from './distribution.ts';
import { Series } from './series.ts';

interface Kept {
  readonly definition: MetricDefinition;
  readonly series: Series<Distribution>;
}

/**
 * The histograms of the worker itself, as totals since the start: see docs/decisions/worker.md, "The worker adds up its own metrics".
 * There are as many distributions at most as histograms have combinations of attributes.
 */
export class Histograms implements MetricProducer {
  readonly #scope: { readonly name: string; readonly version: string };
  readonly #byName = new Map<string, Kept>();

  /** @param definitions by name; others than histograms are left out */
  constructor(
    definitions: Readonly<Record<string, MetricDefinition>>,
    scope: { readonly name: string; readonly version: string },
  ) {
    this.#scope = scope;
    for (const [name, definition] of Object.entries(definitions)) {
      if (definition.instrument !== 'histogram') continue;
      const { buckets = [] } = definition;
      const series = new Series((attributes) => new Distribution(buckets, attributes));
      this.#byName.set(name, { definition, series });
    }
  }

  /**
   * @param name a histogram that is not known measures nothing
   * @param value a number below 0 and NaN count nothing, as in the SDK
   */
  record(name: string, value: number, attributes: Attributes): void {
    // A series that has measured nothing would show an infinite least and greatest value.
    if (value >= 0) this.#byName.get(name)?.series.of(attributes).add(value);
  }

  /** What was measured since the start, without the histograms that have measured nothing. */
  async collect(): Promise<CollectionResult> {
    const endMs = Date.now();
    const metrics = Array.from(this.#byName.values(), (kept) => dataOf(kept, endMs)).filter(
      ({ dataPoints }) => dataPoints.length > 0,
    );
    const scopeMetrics = metrics.length === 0 ? [] : [{ scope: this.#scope, metrics }];
    return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors: [] };
  }
}

function dataOf({ definition, series }: Kept, endMs: number): HistogramMetricData {
  const { name, description, unit } = definition;
  return {
    descriptor: { name, description, unit, valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPointType: DataPointType.HISTOGRAM,
    dataPoints: series.values().map((distribution) => pointOf(distribution, endMs)),
  };
}

function pointOf(distribution: Distribution, endMs: number): DataPoint<HistogramValue> {
  const { attributes, startMs } = distribution;
  return {
    attributes,
    startTime: millisToHrTime(startMs),
    endTime: millisToHrTime(endMs),
    value: distribution.snapshot(),
  };
}
