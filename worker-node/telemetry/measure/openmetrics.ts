import { DataPointType, type ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { Exemplar, Exemplars } from './exemplars.ts';

export const OPENMETRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** Whether a reader wants OpenMetrics. @param accept its header `Accept` */
export function wantsOpenMetrics(accept: string | undefined): boolean {
  return accept?.includes('application/openmetrics-text') === true;
}

/**
 * Makes OpenMetrics 1.0 of Prometheus text: a counter's family has no `_total`, units that are no words are left out, each bucket
 * of a histogram has its exemplar, and the end is marked.
 * @param text what the serializer made of `metrics`, in their order
 */
export function openMetricsOf(text: string, metrics: ResourceMetrics, exemplars: Exemplars): string {
  const buckets = exemplarsOf(metrics, exemplars).values();
  const lines = text.split('\n').flatMap((line) => {
    if (line === '' || line.startsWith('# UNIT ')) return [];
    if (line.startsWith('#')) return [line.replace(/^(# (?:HELP|TYPE) \S+)_total /, '$1 ')];
    if (!/^\w+_bucket\{/.test(line)) return [line];
    return [line + suffixOf(buckets.next().value)];
  });
  return `${lines.join('\n')}\n# EOF\n`;
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
