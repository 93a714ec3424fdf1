import type { IMetricReader } from '@opentelemetry/sdk-metrics';
import type { MetricsTarget } from '../../../shared/trace/settings/metrics-settings.ts';
import { temporalityOf } from './temporality.ts';

const TIMEOUT_MS = 10_000;

/** The reader that sends metrics as OTLP/HTTP JSON. The exporter is loaded only if it is used. @returns none without a target */
export async function otlpReaders(target: MetricsTarget | undefined): Promise<IMetricReader[]> {
  if (target === undefined) return [];
  const [{ OTLPMetricExporter }, { PeriodicExportingMetricReader }] = await Promise.all([
    import('@opentelemetry/exporter-metrics-otlp-http'),
    import('@opentelemetry/sdk-metrics'),
  ]);
  const { url, headers, intervalMs } = target;
  const exporter = new OTLPMetricExporter({ url, headers });
  exporter.selectAggregationTemporality = temporalityOf;
  const exportTimeoutMillis = Math.min(TIMEOUT_MS, intervalMs);
  return [
    new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: intervalMs, exportTimeoutMillis }),
  ];
}
