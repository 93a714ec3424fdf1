import type * as z from 'zod';
import { optionalWhole, url, wholeNumber } from '../../../../shared/config.ts';
import { optionalWord, word } from '../../../../shared/trace/settings/otel-words.ts';
import { otlpHeaders } from '../../../../shared/trace/settings/otlp-headers.ts';
import {
  type CommonSettings,
  MAX_TIMEOUT_MS,
  type OtlpTarget,
  signalTarget,
} from '../../../../shared/trace/settings/otlp-settings.ts';

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

type LogSettings = CommonSettings & z.output<z.ZodObject<typeof logVariables>>;

/** Where the log records go, and how; undefined if they are not sent. */
export function logsTarget(settings: LogSettings): OtlpTarget | undefined {
  return signalTarget(LOGS_PATH, settings, {
    exporter: settings.OTEL_LOGS_EXPORTER,
    endpoint: settings.OTEL_EXPORTER_OTLP_LOGS_ENDPOINT,
    headers: settings[LOG_HEADERS_NAME],
    compression: settings.OTEL_EXPORTER_OTLP_LOGS_COMPRESSION,
    timeoutMs: settings.OTEL_EXPORTER_OTLP_LOGS_TIMEOUT,
  });
}
