import type * as z from 'zod';
import { optionalWhole, url, wholeNumber } from '../../config.ts';
import { optionalWord, word } from './otel-words.ts';
import { otlpHeaders } from './otlp-headers.ts';
import { type CommonSettings, MAX_TIMEOUT_MS, type OtlpTarget, signalTarget } from './otlp-settings.ts';

const METRICS_PATH = '/v1/metrics';

/**
 * The variables for metrics that both runtimes read. Metrics are sent only if `OTEL_METRICS_EXPORTER` says so. The specification
 * sends them by default, but most collectors of traces have no place for them, and Prometheus can always ask for them.
 */
export const metricsVariables = {
  OTEL_METRICS_EXPORTER: word(['none', 'otlp'], 'none'),
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: url('http', 'https').optional(),
  OTEL_EXPORTER_OTLP_METRICS_HEADERS: otlpHeaders,
  OTEL_EXPORTER_OTLP_METRICS_COMPRESSION: optionalWord(['none', 'gzip']),
  OTEL_EXPORTER_OTLP_METRICS_TIMEOUT: optionalWhole(1, MAX_TIMEOUT_MS),
  OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: optionalWord(['http/json']),
  OTEL_METRIC_EXPORT_INTERVAL: wholeNumber(1_000, 3_600_000, 60_000),
};

type MetricsSettings = CommonSettings & z.output<z.ZodObject<typeof metricsVariables>>;

/** Where metrics are sent, how, and how often. */
export interface MetricsTarget extends OtlpTarget {
  readonly intervalMs: number;
}

/** Where the metrics go, how, and how often; undefined if they are not sent. */
export function metricsTarget(settings: MetricsSettings): MetricsTarget | undefined {
  const target = signalTarget(METRICS_PATH, settings, {
    exporter: settings.OTEL_METRICS_EXPORTER,
    endpoint: settings.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT,
    headers: settings.OTEL_EXPORTER_OTLP_METRICS_HEADERS,
    compression: settings.OTEL_EXPORTER_OTLP_METRICS_COMPRESSION,
    timeoutMs: settings.OTEL_EXPORTER_OTLP_METRICS_TIMEOUT,
  });
  return target && { ...target, intervalMs: settings.OTEL_METRIC_EXPORT_INTERVAL };
}
