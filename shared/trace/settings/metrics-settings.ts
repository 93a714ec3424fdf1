import type * as z from 'zod';
import { optionalWhole, url, wholeNumber } from '../../config.ts';
import { optionalWord, word } from './otel-words.ts';
import { otlpHeaders } from './otlp-headers.ts';
import { MAX_TIMEOUT_MS, type OtlpTarget, otlpAddress } from './otlp-settings.ts';

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

type Settings = z.output<z.ZodObject<typeof metricsVariables>> & {
  readonly OTEL_SDK_DISABLED: boolean;
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined;
  readonly OTEL_EXPORTER_OTLP_HEADERS: Readonly<Record<string, string>>;
  readonly OTEL_EXPORTER_OTLP_COMPRESSION: 'none' | 'gzip';
  readonly OTEL_EXPORTER_OTLP_TIMEOUT: number;
};

/** Where metrics are sent, how, and how often. */
export interface MetricsTarget extends OtlpTarget {
  readonly intervalMs: number;
}

/** Where the metrics go; undefined if they are not sent. */
export function metricsTarget(settings: Settings): MetricsTarget | undefined {
  if (settings.OTEL_SDK_DISABLED || settings.OTEL_METRICS_EXPORTER === 'none') return undefined;
  const { OTEL_EXPORTER_OTLP_ENDPOINT: base, OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: own } = settings;
  const address = otlpAddress(own, base, METRICS_PATH);
  if (address === undefined) return undefined;
  const headers = {
    ...address.headers,
    ...settings.OTEL_EXPORTER_OTLP_HEADERS,
    ...settings.OTEL_EXPORTER_OTLP_METRICS_HEADERS,
  };
  return {
    url: address.url,
    headers,
    gzip:
      (settings.OTEL_EXPORTER_OTLP_METRICS_COMPRESSION ?? settings.OTEL_EXPORTER_OTLP_COMPRESSION) === 'gzip',
    timeoutMs: settings.OTEL_EXPORTER_OTLP_METRICS_TIMEOUT ?? settings.OTEL_EXPORTER_OTLP_TIMEOUT,
    intervalMs: settings.OTEL_METRIC_EXPORT_INTERVAL,
  };
}
