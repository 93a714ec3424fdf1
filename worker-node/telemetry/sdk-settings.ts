import * as z from 'zod';
import { parseLenient, wholeNumber } from '../../shared/config.ts';
import {
  type BatchDefaults,
  type OtelSettings,
  otelVariables,
  readOtelSettings,
} from '../../shared/trace/otel-settings.ts';

/** The delay is shorter than the specification's 5 s: people look at a trace while its job runs, and want its newest part. */
const BATCH_DEFAULTS: BatchDefaults = {
  maxQueueSize: 2_048,
  scheduleDelayMs: { fallback: 500, max: 3_600_000 },
};

/** A setting with a few possible texts, in any case and with any blanks. */
function oneOf(...texts: readonly string[]): z.ZodType<string | undefined, unknown> {
  return z
    .string()
    .refine((text) => texts.includes(text.toLowerCase().replaceAll(' ', '')), `must be ${texts.join(' or ')}`)
    .optional();
}

/** What Node's SDK has beside the settings of both runtimes. */
const SdkSettings = {
  OTEL_BSP_EXPORT_TIMEOUT: wholeNumber(1, 3_600_000, 30_000),
  OTEL_LOG_LEVEL: oneOf('none', 'error', 'warn', 'info', 'debug', 'verbose', 'all'),
  // Spans leave as OTLP over HTTP in JSON, and the propagator is our own.
  OTEL_EXPORTER_OTLP_PROTOCOL: oneOf('http/json'),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: oneOf('http/json'),
  OTEL_PROPAGATORS: oneOf('tracecontext,baggage', 'baggage,tracecontext'),
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
  return {
    settings: { ...common.settings, ...own.settings },
    warnings: [...common.warnings, ...own.warnings],
  };
}
