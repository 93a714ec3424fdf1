import * as z from 'zod';
import type { SeenMetric } from './conventions.ts';

const Value = z.record(z.string(), z.unknown());
const Attributes = z.array(z.object({ key: z.string(), value: Value })).default([]);
const Scope = z
  .object({ name: z.string().default(''), attributes: Attributes })
  .default({ name: '', attributes: [] });
const Resource = z.object({ attributes: Attributes });
const WithAttributes = z.object({ attributes: Attributes });
const Span = z.object({
  name: z.string(),
  attributes: Attributes,
  events: z.array(WithAttributes.extend({ name: z.string() })).default([]),
  links: z.array(WithAttributes).default([]),
});
const Points = z.object({
  dataPoints: z.array(WithAttributes).default([]),
  isMonotonic: z.boolean().optional(),
});
const Metric = z.object({
  name: z.string(),
  unit: z.string().default(''),
  sum: Points.optional(),
  gauge: Points.optional(),
  histogram: Points.optional(),
});
const Traces = z.object({
  resourceSpans: z.array(
    z.object({ resource: Resource, scopeSpans: z.array(z.object({ scope: Scope, spans: z.array(Span) })) }),
  ),
});
const Metrics = z.object({
  resourceMetrics: z.array(
    z.object({
      resource: Resource,
      scopeMetrics: z.array(z.object({ scope: Scope, metrics: z.array(Metric) })),
    }),
  ),
});

const Logs = z.object({
  resourceLogs: z.array(
    z.object({ resource: Resource, scopeLogs: z.array(z.object({ logRecords: z.array(WithAttributes) })) }),
  ),
});

/** An attribute as it was sent. */
export interface SentAttribute {
  /** Whose it is: `resource`, `scope`, or the name of the span or the metric. */
  readonly of: string;
  readonly name: string;
  /** As the conventions name types. */
  readonly type: string;
  /** The scope of the span; undefined for a resource or a metric. */
  readonly scope?: string;
  /** For a point of a metric: its name. */
  readonly metric?: string;
}

/** Reads the attributes of an `ExportTraceServiceRequest` of OTLP in JSON. @throws ZodError */
export function sentInTraces(body: unknown): SentAttribute[] {
  return Traces.parse(body).resourceSpans.flatMap(({ resource, scopeSpans }) => [
    ...sent('resource', resource.attributes),
    ...scopeSpans.flatMap(({ scope, spans }) => [
      ...sent('scope', scope.attributes, scope.name),
      ...spans.flatMap(({ name, attributes, events, links }) =>
        [{ attributes }, ...events, ...links].flatMap((one) => sent(name, one.attributes, scope.name)),
      ),
    ]),
  ]);
}

/** Reads the attributes of an `ExportMetricsServiceRequest`. @throws ZodError */
export function sentInMetrics(body: unknown): SentAttribute[] {
  return Metrics.parse(body).resourceMetrics.flatMap(({ resource, scopeMetrics }) => [
    ...sent('resource', resource.attributes),
    ...scopeMetrics.flatMap(({ metrics }) =>
      metrics.flatMap((metric) =>
        pointsOf(metric).flatMap(({ attributes }) =>
          sent(metric.name, attributes).map((one) => ({ ...one, metric: metric.name })),
        ),
      ),
    ),
  ]);
}

/** Reads the attributes of an `ExportLogsServiceRequest`; those of log records are of `log`. @throws ZodError */
export function sentInLogs(body: unknown): SentAttribute[] {
  return Logs.parse(body).resourceLogs.flatMap(({ resource, scopeLogs }) => [
    ...sent('resource', resource.attributes),
    ...scopeLogs.flatMap(({ logRecords }) => logRecords.flatMap(({ attributes }) => sent('log', attributes))),
  ]);
}

/** Reads the metrics of an `ExportMetricsServiceRequest`. @throws ZodError */
export function metricsIn(body: unknown): SeenMetric[] {
  const { resourceMetrics } = Metrics.parse(body);
  const metrics = resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics).flatMap((one) => one.metrics);
  return metrics.map((metric) => ({
    name: metric.name,
    unit: metric.unit,
    instrument: instrumentOf(metric),
  }));
}

type Metric = z.infer<typeof Metric>;

function pointsOf({ sum, gauge, histogram }: Metric): z.infer<typeof Points>['dataPoints'] {
  return (sum ?? gauge ?? histogram)?.dataPoints ?? [];
}

function instrumentOf({ sum, gauge }: Metric): string {
  if (sum !== undefined) return sum.isMonotonic === true ? 'counter' : 'updowncounter';
  return gauge === undefined ? 'histogram' : 'gauge';
}

function sent(of: string, attributes: z.infer<typeof Attributes>, scope?: string): SentAttribute[] {
  return attributes.map(({ key, value }) => ({
    of,
    name: key,
    type: typeOf(value),
    ...(scope === undefined ? {} : { scope }),
  }));
}

const TYPES: Readonly<Record<string, string>> = {
  stringValue: 'string',
  intValue: 'int',
  doubleValue: 'double',
  boolValue: 'boolean',
};

function typeOf(value: z.infer<typeof Value>): string {
  const [kind = '', content] = Object.entries(value)[0] ?? [];
  if (kind !== 'arrayValue') return TYPES[kind] ?? kind;
  const { values = [] } = z.object({ values: z.array(Value).optional() }).parse(content);
  return `${values[0] === undefined ? 'string' : typeOf(values[0])}[]`;
}
