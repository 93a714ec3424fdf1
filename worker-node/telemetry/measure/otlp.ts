import type { OTLPMetricExporter as Exporter } from '@opentelemetry/exporter-metrics-otlp-http';
import type { IMetricReader } from '@opentelemetry/sdk-metrics';
import type { MetricsTarget } from '../../../shared/trace/settings/metrics-settings.ts';
import { temporalityOf } from './temporality.ts';

type ExporterConfig = NonNullable<ConstructorParameters<typeof Exporter>[0]>;

/** The reader that sends metrics as OTLP/HTTP JSON. The exporter is loaded only if it is used. @returns none without a target */
export async function otlpReaders(target: MetricsTarget | undefined): Promise<IMetricReader[]> {
  if (target === undefined) return [];
  const [{ OTLPMetricExporter }, { PeriodicExportingMetricReader }] = await Promise.all([
    import('@opentelemetry/exporter-metrics-otlp-http'),
    import('@opentelemetry/sdk-metrics'),
  ]);
  const { url, headers, intervalMs, timeoutMs } = target;
  const compression = (target.gzip ? 'gzip' : 'none') as NonNullable<ExporterConfig['compression']>;
  const exporter = new OTLPMetricExporter({ url, headers, timeoutMillis: timeoutMs, compression });
  exporter.selectAggregationTemporality = temporalityOf;
  const exportTimeoutMillis = Math.min(timeoutMs, intervalMs);
  return [
    new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: intervalMs, exportTimeoutMillis }),
  ];
}
