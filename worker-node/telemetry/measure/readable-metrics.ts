import { type Attributes, ValueType } from '@opentelemetry/api';
import type { InstrumentationScope } from '@opentelemetry/core';
import {
  DataPointType,
  type Histogram,
  type MetricData,
  type ResourceMetrics,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import { nameText } from '../export/encode/name-text.ts';

/**
 * Metrics as a collector reads them. The SDK takes anything from an operation, and writes it as it is: NaN as `null`, where OTLP's JSON has
 * a text, integers beyond 64 bits, names that are no texts, half a character. A collector refuses the whole export for one of them,
 * and as the values are totals, all later ones too: one mistake of an operation would cost all metrics.
 * The SDK also lists a scope again for each producer of metrics. Here each scope is listed once.
 */
export function readableMetrics(all: ResourceMetrics): ResourceMetrics {
  const byScope = new Map<string, ScopeMetrics>();
  for (const { scope: given, metrics } of all.scopeMetrics) {
    const scope = scopeInTexts(given);
    const key = JSON.stringify([scope.name, scope.version, scope.schemaUrl]);
    const before = byScope.get(key)?.metrics ?? [];
    byScope.set(key, { scope, metrics: [...before, ...metrics.map(readable)] });
  }
  return { ...all, scopeMetrics: [...byScope.values()] };
}

/** A scope whose names are texts. */
export function scopeInTexts({ name, version, schemaUrl }: InstrumentationScope): InstrumentationScope {
  return {
    name: readableText(name),
    ...(version === undefined ? {} : { version: readableText(version) }),
    ...(schemaUrl === undefined ? {} : { schemaUrl: readableText(schemaUrl) }),
  };
}

/** What a metric says about itself, in texts. */
export function descriptorInTexts({ descriptor }: MetricData): MetricData['descriptor'] {
  const { name, description, unit } = descriptor;
  return {
    ...descriptor,
    name: readableText(name),
    description: readableText(description),
    unit: readableText(unit),
  };
}

function readable(metric: MetricData): MetricData {
  const isHistogram = metric.dataPointType === DataPointType.HISTOGRAM;
  const values = isHistogram ? [] : metric.dataPoints.map(({ value }) => value);
  const { valueType } = metric.descriptor;
  const descriptor = {
    ...descriptorInTexts(metric),
    valueType: values.every(Number.isSafeInteger) ? valueType : ValueType.DOUBLE,
  };
  const dataPoints = metric.dataPoints.map((point) => ({
    ...point,
    attributes: readableAttributes(point.attributes),
    value: isHistogram ? withNumbers(point.value as Histogram) : numberOf(point.value),
  }));
  // The SDK's types know numbers alone.
  return { ...metric, descriptor, dataPoints } as MetricData;
}

/** The sum, the least and the greatest value of a histogram. Its other numbers are counts. */
function withNumbers(value: Histogram): object {
  const numbers = Object.entries(value).map(([name, part]) => [name, numberOf(part)]);
  const areBounds = value.buckets.boundaries.every(Number.isFinite);
  const buckets = areBounds ? value.buckets : { boundaries: [], counts: [value.count] };
  return { ...Object.fromEntries(numbers), buckets };
}

function numberOf(value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

/** Attributes whose names are texts, and whose values are of the types that OpenTelemetry knows. */
export function readableAttributes(attributes: Attributes): Attributes {
  const entries = Object.entries(attributes).map(([name, value]) => [
    readableText(name),
    readableValue(value),
  ]);
  return Object.fromEntries(entries) as Attributes;
}

/** The SDK looks at no value of an attribute: it may be anything. */
function readableValue(value: unknown): unknown {
  if (typeof value === 'number') return isWritable(value) ? value : String(value);
  if (typeof value === 'boolean' || value === undefined || value === null) return value;
  return Array.isArray(value) ? value.map(readableValue) : readableText(value);
}

function readableText(text: unknown): string {
  return nameText(text).toWellFormed();
}

/** Whether the SDK writes a number as JSON can hold it: as an integer of 64 bits, or as a fraction. */
function isWritable(value: number): boolean {
  return Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value));
}
