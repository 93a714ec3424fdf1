import { DataPointType, type ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { Exemplar, Exemplars } from './exemplars.ts';

export const OPENMETRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** What we can answer with, by the names of `Accept`. */
const OPEN = ['application/openmetrics-text'];
const TEXT = ['text/plain', 'text/*', '*/*'];

/**
 * Whether a reader wants OpenMetrics: it names it, and likes Prometheus' text no more (RFC 9110, section 12.5.1).
 * @param accept its header `Accept`
 */
export function wantsOpenMetrics(accept: string | undefined): boolean {
  const ranges = (accept ?? '').toLowerCase().split(',').map(rangeOf);
  const open = weightOf(OPEN, ranges);
  return open > 0 && open >= weightOf(TEXT, ranges);
}

interface MediaRange {
  readonly type: string;
  readonly weight: number;
}

function rangeOf(member: string): MediaRange {
  const [type = '', ...parameters] = member.split(';').map((part) => part.trim());
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
  return { type, weight: weight === undefined ? 1 : Number(weight) || 0 };
}

/** The most that a reader gives to one of `types`; 0 if it names none of them. */
function weightOf(types: readonly string[], ranges: readonly MediaRange[]): number {
  return Math.max(0, ...ranges.filter(({ type }) => types.includes(type)).map(({ weight }) => weight));
}

/**
 * Makes OpenMetrics 1.0 of Prometheus text: a counter's family has no `_total`, units that are no words are left out, each bucket
 * of a histogram has its exemplar, and the end is marked.
 * @param text what the serializer made of `metrics`, in their order
 */
export function openMetricsOf(text: string, metrics: ResourceMetrics, exemplars: Exemplars): string {
  const buckets = exemplarsOf(metrics, exemplars).values();
  // How the lines of buckets begin; undefined: the family is no histogram. Any metric may have a name that ends in `_bucket`.
  let bucket: string | undefined;
  const lines = text.split('\n').flatMap((line) => {
    if (line === '' || line.startsWith('# UNIT ')) return [];
    if (line.startsWith('# TYPE ')) bucket = bucketOf(line);
    if (line.startsWith('#')) return [line.replace(/^(# (?:HELP|TYPE) \S+)_total /, '$1 ')];
    if (bucket === undefined || !line.startsWith(bucket)) return [line];
    return [line + suffixOf(buckets.next().value)];
  });
  return `${lines.join('\n')}\n# EOF\n`;
}

function bucketOf(type: string): string | undefined {
  const [, , name, kind] = type.split(' ');
  return kind === 'histogram' ? `${name}_bucket{` : undefined;
}

/** The exemplars of all buckets, in the order in which they are shown. */
function exemplarsOf({ scopeMetrics }: ResourceMetrics, exemplars: Exemplars): (Exemplar | undefined)[] {
  return scopeMetrics
    .flatMap(({ metrics }) => metrics)
    .flatMap((metric) => {
      if (metric.dataPointType !== DataPointType.HISTOGRAM) return [];
      const { name } = metric.descriptor;
      return metric.dataPoints.flatMap(({ attributes, value }) =>
        value.buckets.counts.map((_, bucket) => exemplars.of(name, attributes, bucket)),
      );
    });
}

function suffixOf(exemplar: Exemplar | undefined): string {
  if (exemplar === undefined) return '';
  const { traceId, spanId, value, at } = exemplar;
  return ` # {trace_id="${traceId}",span_id="${spanId}"} ${value} ${at / 1_000}`;
}
