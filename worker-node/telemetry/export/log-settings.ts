import type * as z from 'zod';
import { optionalWhole, url, wholeNumber } from '../../../shared/config.ts';
import { optionalWord, word } from '../../../shared/trace/settings/otel-words.ts';
import { otlpHeaders } from '../../../shared/trace/settings/otlp-headers.ts';
import {
  MAX_TIMEOUT_MS,
  type OtlpTarget,
  otlpAddress,
} from '../../../shared/trace/settings/otlp-settings.ts';

const LOGS_PATH = '/v1/logs';

/** The setting that holds the headers for logs. */
export const LOG_HEADERS_NAME = 'OTEL_EXPORTER_OTLP_LOGS_HEADERS';

/**
 * The variables for log records. They are sent only if `OTEL_LOGS_EXPORTER` says so. The specification sends them by default, but
 * most systems collect the lines of stdout already, and would have each line twice.
 */
export const logVariables = {
  OTEL_LOGS_EXPORTER: word(['none', 'otlp'], 'none'),
  OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: url('http', 'https').optional(),
  [LOG_HEADERS_NAME]: otlpHeaders,
  OTEL_EXPORTER_OTLP_LOGS_COMPRESSION: optionalWord(['none', 'gzip']),
  OTEL_EXPORTER_OTLP_LOGS_TIMEOUT: optionalWhole(1, MAX_TIMEOUT_MS),
  OTEL_EXPORTER_OTLP_LOGS_PROTOCOL: optionalWord(['http/json']),
  OTEL_BLRP_MAX_QUEUE_SIZE: wholeNumber(1, 100_000, 2_048),
  OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: wholeNumber(1, 10_000, 512),
  OTEL_BLRP_SCHEDULE_DELAY: wholeNumber(1, 3_600_000, 1_000),
  OTEL_BLRP_EXPORT_TIMEOUT: wholeNumber(1, 3_600_000, 30_000),
  OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT: optionalWhole(1, 1_000_000),
  OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT: optionalWhole(1, 1_000_000),
};

type LogSettings = z.output<z.ZodObject<typeof logVariables>> & {
  readonly OTEL_SDK_DISABLED: boolean;
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined;
  readonly OTEL_EXPORTER_OTLP_HEADERS: Readonly<Record<string, string>>;
  readonly OTEL_EXPORTER_OTLP_COMPRESSION: 'none' | 'gzip';
  readonly OTEL_EXPORTER_OTLP_TIMEOUT: number;
};

/** Where the log records go; undefined if they are not sent. */
export function logsTarget(settings: LogSettings): OtlpTarget | undefined {
  if (settings.OTEL_SDK_DISABLED || settings.OTEL_LOGS_EXPORTER === 'none') return undefined;
  const { OTEL_EXPORTER_OTLP_ENDPOINT: base, OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: own } = settings;
  const address = otlpAddress(own, base, LOGS_PATH);
  if (address === undefined) return undefined;
  const compression = settings.OTEL_EXPORTER_OTLP_LOGS_COMPRESSION ?? settings.OTEL_EXPORTER_OTLP_COMPRESSION;
  const headers = { ...settings.OTEL_EXPORTER_OTLP_HEADERS, ...settings[LOG_HEADERS_NAME] };
  return {
    url: address.url,
    headers: { ...address.headers, ...headers },
    gzip: compression === 'gzip',
    timeoutMs: settings.OTEL_EXPORTER_OTLP_LOGS_TIMEOUT ?? settings.OTEL_EXPORTER_OTLP_TIMEOUT,
  };
}
