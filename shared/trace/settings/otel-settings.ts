import type * as z from 'zod';
import { optionalText, parseLenient, setting, wholeNumber } from '../../config.ts';
import { metricsVariables } from './metrics-settings.ts';
import { optionalWord, word } from './otel-words.ts';
import { badOtlpHeaders } from './otlp-headers.ts';
import { otlpVariables } from './otlp-settings.ts';
import { resourceAttributes } from './resource-attributes.ts';
import { spanLimitVariables } from './span-limit-settings.ts';

/** The samplers of OpenTelemetry's specification that we have. */
export const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
export type SamplerName = (typeof SAMPLERS)[number];

/** What differs between the programs that export spans. */
export interface BatchDefaults {
  readonly maxQueueSize: number;
  readonly maxBatchSize: number;
  readonly scheduleDelayMs: { readonly fallback: number; readonly max: number };
  readonly exportTimeoutMs: { readonly fallback: number; readonly max: number };
}

/** The settings that hold headers. */
export const OTLP_HEADER_NAMES = [
  'OTEL_EXPORTER_OTLP_HEADERS',
  'OTEL_EXPORTER_OTLP_TRACES_HEADERS',
  'OTEL_EXPORTER_OTLP_METRICS_HEADERS',
] as const;

/** Only "true", in any case, is true (specification, "Boolean value"). */
const otelFlag: z.ZodType<boolean, unknown> = setting(
  'must be true or false',
  (value) => {
    if (value === undefined) return false;
    return typeof value === 'string' ? ({ true: true, false: false }[value.toLowerCase()] ?? value) : value;
  },
  (value) => typeof value === 'boolean',
);

const ratio: z.ZodType<number, unknown> = setting(
  'must be a number from 0 to 1',
  (value) => (value === undefined ? 1 : Number(value)),
  (value): value is number => typeof value === 'number' && value >= 0 && value <= 1,
);

/** The schemas of these settings, by their names. */
export function otelVariables({
  maxQueueSize,
  maxBatchSize,
  scheduleDelayMs,
  exportTimeoutMs,
}: BatchDefaults) {
  return {
    OTEL_SDK_DISABLED: otelFlag,
    OTEL_SERVICE_NAME: optionalText,
    OTEL_RESOURCE_ATTRIBUTES: resourceAttributes,
    OTEL_TRACES_EXPORTER: word(['otlp', 'none'], 'otlp'),
    ...otlpVariables,
    ...metricsVariables,
    ...spanLimitVariables,
    OTEL_PROPAGATORS: optionalWord(['tracecontext,baggage', 'baggage,tracecontext']),
    OTEL_TRACES_SAMPLER: word(SAMPLERS, 'parentbased_always_on'),
    OTEL_TRACES_SAMPLER_ARG: ratio,
    OTEL_BSP_MAX_QUEUE_SIZE: wholeNumber(1, 100_000, maxQueueSize),
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: wholeNumber(1, 10_000, maxBatchSize),
    OTEL_BSP_SCHEDULE_DELAY: wholeNumber(1, scheduleDelayMs.max, scheduleDelayMs.fallback),
    OTEL_BSP_EXPORT_TIMEOUT: wholeNumber(1, exportTimeoutMs.max, exportTimeoutMs.fallback),
  };
}

/** OpenTelemetry's own settings, as far as both runtimes use them. */
export type OtelSettings = z.output<z.ZodObject<ReturnType<typeof otelVariables>>>;

/** The names of these settings. */
export const OTEL_SETTING_NAMES: readonly string[] = Object.keys(
  otelVariables({
    maxQueueSize: 1,
    maxBatchSize: 1,
    scheduleDelayMs: { fallback: 1, max: 1 },
    exportTimeoutMs: { fallback: 1, max: 1 },
  }),
);

/**
 * Reads OpenTelemetry's settings by the rules of its specification ("Environment Variable Specification"): a value that is
 * not valid is ignored, so that it costs spans at most, and never a job.
 * @returns the settings, and a sentence for each value that was ignored, which names the setting and hides the value
 */
export function readOtelSettings(
  values: Readonly<Record<string, unknown>>,
  defaults: BatchDefaults,
): { readonly settings: OtelSettings; readonly warnings: readonly string[] } {
  const { settings, warnings } = parseLenient(otelVariables(defaults), values);
  return {
    settings,
    warnings: [
      ...warnings,
      ...headerWarnings(values, OTLP_HEADER_NAMES),
      ...samplerWarnings(values, settings),
      ...endpointWarnings(settings, 'METRICS'),
    ],
  };
}

/** What decides whether a signal is sent, and where. */
type SignalSettings = Readonly<Record<string, unknown>>;

/** A sentence if somebody asks for metrics or log records and names no endpoint: they would get nothing, without a word. */
export function endpointWarnings(settings: SignalSettings, signal: 'METRICS' | 'LOGS'): string[] {
  const exporter = `OTEL_${signal}_EXPORTER`;
  const endpoints = ['OTEL_EXPORTER_OTLP_ENDPOINT', `OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`];
  const isAsked = settings[exporter] === 'otlp' && settings.OTEL_SDK_DISABLED !== true;
  if (!isAsked || endpoints.some((name) => settings[name] !== undefined)) return [];
  return [`${exporter}: nothing is sent without ${endpoints.join(' or ')}`];
}

/** A sentence for each header that is left out, which names its setting and its place, and hides what it holds. */
export function headerWarnings(
  values: Readonly<Record<string, unknown>>,
  names: readonly string[],
): string[] {
  return names.flatMap((name) => {
    const text = values[name];
    return (typeof text === 'string' ? badOtlpHeaders(text) : []).map(
      (place) => `${name}: member ${place} is not a name=value that a header can hold, so it is ignored`,
    );
  });
}

function samplerWarnings(values: Readonly<Record<string, unknown>>, settings: OtelSettings): string[] {
  const { OTEL_TRACES_SAMPLER: sampler } = settings;
  const isGiven = String(values.OTEL_TRACES_SAMPLER_ARG ?? '').trim() !== '';
  if (!isGiven || sampler.endsWith('traceidratio')) return [];
  return [`OTEL_TRACES_SAMPLER_ARG: the sampler ${sampler} does not use it, so it is ignored`];
}
