import type * as z from 'zod';
import { parseLenient } from '../../shared/config.ts';
import {
  type BatchDefaults,
  endpointWarnings,
  headerWarnings,
  OTLP_HEADER_NAMES,
  type OtelSettings,
  otelVariables,
  readOtelSettings,
} from '../../shared/trace/settings/otel-settings.ts';
import { optionalWord } from '../../shared/trace/settings/otel-words.ts';
import { LOG_HEADERS_NAME, logVariables } from './export/logs/log-settings.ts';
import { framingWarnings, pathWarnings } from './target-warnings.ts';

/**
 * The delay is shorter than the specification's 5 s: people look at a trace while its job runs, and want its newest part. A batch has
 * four times its 512 spans, since each request costs as much processor time as the JSON of 500, and as many again may wait meanwhile.
 */
const BATCH_DEFAULTS: BatchDefaults = {
  maxQueueSize: 4_096,
  maxBatchSize: 2_048,
  scheduleDelayMs: { fallback: 500, max: 3_600_000 },
  exportTimeoutMs: { fallback: 30_000, max: 3_600_000 },
};

/** What Node's SDK has beside the settings of both runtimes. */
const SdkSettings = {
  ...logVariables,
  OTEL_LOG_LEVEL: optionalWord(['none', 'error', 'warn', 'info', 'debug', 'verbose', 'all']),
};

/** The schemas of all settings of OpenTelemetry in this process, by their names. */
export const NODE_OTEL_SETTINGS: Readonly<Record<string, z.ZodType>> = {
  ...otelVariables(BATCH_DEFAULTS),
  ...SdkSettings,
};

/** The settings of OpenTelemetry in this process. */
export type NodeOtelSettings = OtelSettings & z.output<z.ZodObject<typeof SdkSettings>>;

/**
 * Reads OpenTelemetry's settings, see `readOtelSettings`.
 * @returns the settings, and a sentence for each value that is ignored
 */
export function readNodeOtelSettings(environment: Readonly<Record<string, string | undefined>>): {
  readonly settings: NodeOtelSettings;
  readonly warnings: readonly string[];
} {
  const common = readOtelSettings(environment, BATCH_DEFAULTS);
  const own = parseLenient(SdkSettings, environment);
  const settings = { ...common.settings, ...own.settings };
  return {
    settings,
    warnings: [
      ...common.warnings,
      ...own.warnings,
      ...headerWarnings(environment, [LOG_HEADERS_NAME]),
      ...endpointWarnings(settings, 'LOGS'),
      ...framingWarnings(environment, [...OTLP_HEADER_NAMES, LOG_HEADERS_NAME]),
      ...pathWarnings(settings),
    ],
  };
}
