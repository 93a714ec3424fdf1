import * as z from 'zod';
import { parseLenient, percentDecoded, url, wholeNumber } from '../config.ts';
import { badOtlpHeaders, parseOtlpHeaders } from './otlp-headers.ts';
import { resourceAttributes } from './resource-attributes.ts';

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
  readonly scheduleDelayMs: { readonly fallback: number; readonly max: number };
}

const TRACES_PATH = '/v1/traces';
/** The settings that hold headers. */
export const OTLP_HEADER_NAMES = ['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_TRACES_HEADERS'] as const;

/** Only "true", in any case, is true (specification, "Boolean value"). */
const otelFlag = z.preprocess((value) => {
  if (value === undefined) return false;
  return typeof value === 'string' ? ({ true: true, false: false }[value.toLowerCase()] ?? value) : value;
}, z.boolean('must be true or false'));

/** One of a few words, in any case (specification, "Enum"). */
function word<Word extends string>(words: readonly [Word, ...Word[]], fallback: Word) {
  const lower = (value: unknown): unknown =>
    typeof value === 'string' ? value.toLowerCase().replaceAll(' ', '') : value;
  return z.preprocess(lower, z.enum(words, `must be ${words.join(' or ')}`).default(fallback));
}

/** The schemas of these settings, by their names. */
export function otelVariables({ maxQueueSize, scheduleDelayMs }: BatchDefaults) {
  return {
    OTEL_SDK_DISABLED: otelFlag,
    OTEL_SERVICE_NAME: z.string('must be text').optional(),
    OTEL_RESOURCE_ATTRIBUTES: resourceAttributes,
    OTEL_TRACES_EXPORTER: word(['otlp', 'none'], 'otlp'),
    OTEL_EXPORTER_OTLP_ENDPOINT: url('http', 'https').optional(),
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url('http', 'https').optional(),
    OTEL_EXPORTER_OTLP_HEADERS: z.string('must be text').default('').transform(parseOtlpHeaders),
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: z.string('must be text').default('').transform(parseOtlpHeaders),
    OTEL_TRACES_SAMPLER: word(SAMPLERS, 'parentbased_always_on'),
    OTEL_TRACES_SAMPLER_ARG: z.coerce
      .number('must be a number from 0 to 1')
      .min(0, 'must be a number from 0 to 1')
      .max(1, 'must be a number from 0 to 1')
      .default(1),
    OTEL_BSP_MAX_QUEUE_SIZE: wholeNumber(1, 100_000, maxQueueSize),
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: wholeNumber(1, 10_000, 512),
    OTEL_BSP_SCHEDULE_DELAY: wholeNumber(1, scheduleDelayMs.max, scheduleDelayMs.fallback),
  };
}

/** OpenTelemetry's own settings, as far as both runtimes use them. */
export type OtelSettings = z.output<z.ZodObject<ReturnType<typeof otelVariables>>>;

/** The names of these settings. */
export const OTEL_SETTING_NAMES: readonly string[] = Object.keys(
  otelVariables({ maxQueueSize: 1, scheduleDelayMs: { fallback: 1, max: 1 } }),
);

/** Where spans are sent. */
export interface TracesTarget {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

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
    warnings: [...warnings, ...headerWarnings(values), ...samplerWarnings(values, settings)],
  };
}

/**
 * Where the spans go; undefined if they are not exported. The endpoint for traces is used as it is, and the general one
 * gets a path added (specification, "OTLP exporter"). A user and a password in the URL become an `authorization` header.
 */
export function tracesTarget(settings: OtelSettings): TracesTarget | undefined {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: base, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: own } = settings;
  const text = own ?? (base === undefined ? undefined : `${base.replace(/\/$/, '')}${TRACES_PATH}`);
  if (text === undefined || settings.OTEL_SDK_DISABLED || settings.OTEL_TRACES_EXPORTER === 'none')
    return undefined;
  const target = new URL(text);
  const { username, password } = target;
  target.username = '';
  target.password = '';
  const login = `${percentDecoded(username)}:${percentDecoded(password)}`;
  return {
    url: target.href,
    headers: {
      ...(login === ':' ? {} : { authorization: `Basic ${btoa(login)}` }),
      ...settings.OTEL_EXPORTER_OTLP_HEADERS,
      ...settings.OTEL_EXPORTER_OTLP_TRACES_HEADERS,
    },
  };
}

function headerWarnings(values: Readonly<Record<string, unknown>>): string[] {
  return OTLP_HEADER_NAMES.flatMap((name) => {
    const text = values[name];
    return (typeof text === 'string' ? badOtlpHeaders(text) : []).map(
      (place) => `${name}: member ${place} is not name=value, so it is ignored`,
    );
  });
}

function samplerWarnings(values: Readonly<Record<string, unknown>>, settings: OtelSettings): string[] {
  const { OTEL_TRACES_SAMPLER: sampler } = settings;
  const isGiven = String(values.OTEL_TRACES_SAMPLER_ARG ?? '').trim() !== '';
  if (!isGiven || sampler.endsWith('traceidratio')) return [];
  return [`OTEL_TRACES_SAMPLER_ARG: the sampler ${sampler} does not use it, so it is ignored`];
}
