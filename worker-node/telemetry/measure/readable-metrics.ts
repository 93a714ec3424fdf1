import type { Attributes } from '@opentelemetry/api';
import {
  DataPointType,
  type MetricData,
  type ResourceMetrics,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';

/**
 * Metrics as a collector reads them. The SDK writes NaN and the infinities as `null`, where OTLP's JSON has texts, and integers beyond
 * 64 bits as integers. A collector refuses the whole export for one of them: an operation that measures NaN once would cost all metrics.
 * The SDK also lists a scope again for each producer of metrics. Here each scope is listed once.
 */
export function readableMetrics(all: ResourceMetrics): ResourceMetrics {
  const byScope = new Map<string, ScopeMetrics>();
  for (const { scope, metrics } of all.scopeMetrics) {
    const key = JSON.stringify([scope.name, scope.version, scope.schemaUrl]);
    const before = byScope.get(key)?.metrics ?? [];
    byScope.set(key, { scope, metrics: [...before, ...metrics.map(readable)] });
  }
  return { ...all, scopeMetrics: [...byScope.values()] };
}

function readable(metric: MetricData): MetricData {
  const isHistogram = metric.dataPointType === DataPointType.HISTOGRAM;
  const dataPoints = metric.dataPoints.map((point) => ({
    ...point,
    attributes: readableAttributes(point.attributes),
    value: isHistogram ? withNumbers(point.value as object) : numberOf(point.value),
  }));
  // The SDK's types know numbers alone.
  return { ...metric, dataPoints } as MetricData;
}

/** The sum, the least and the greatest value of a histogram. Its other numbers are counts. */
function withNumbers(value: object): object {
  const numbers = Object.entries(value).map(([name, part]) => [name, numberOf(part)]);
  return Object.fromEntries(numbers);
}

function numberOf(value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

function readableAttributes(attributes: Attributes): Attributes {
  const entries = Object.entries(attributes);
  if (entries.every(([, value]) => typeof value !== 'number' || isWritable(value))) return attributes;
  return Object.fromEntries(
    entries.map(([name, value]) => [
      name,
      typeof value !== 'number' || isWritable(value) ? value : String(value),
    ]),
  );
}

/** Whether the SDK writes a number as JSON can hold it: as an integer of 64 bits, or as a fraction. */
function isWritable(value: number): boolean {
  return Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value));
}
