import * as z from 'zod';
import { flag, optionalText, url, wholeNumber } from '../../shared/config.ts';

/** The samplers of OpenTelemetry's specification ("SDK environment variables"). */
export const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
export type SamplerName = (typeof SAMPLERS)[number];

/** Reads `OTEL_EXPORTER_OTLP_HEADERS`: pairs `key=value` with commas between them, percent-encoded (as in W3C Baggage). */
export function parseOtlpHeaders(text: string): Readonly<Record<string, string>> {
  const headers: [string, string][] = [];
  for (const pair of text.split(',')) {
    const at = pair.indexOf('=');
    if (at > 0) headers.push([pair.slice(0, at).trim(), decode(pair.slice(at + 1).trim())]);
  }
  return Object.fromEntries(headers);
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** The settings for spans and log lines. */
export const telemetrySettings = {
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error'], 'must be debug, info, warn or error').default('info'),
  DEBUG: flag(false),
  OTEL_SDK_DISABLED: flag(false),
  OTEL_SERVICE_NAME: optionalText,
  OTEL_EXPORTER_OTLP_ENDPOINT: url('http', 'https').optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url('http', 'https').optional(),
  OTEL_EXPORTER_OTLP_HEADERS: z.string().default('').transform(parseOtlpHeaders),
  OTEL_TRACES_SAMPLER: z
    .enum(SAMPLERS, `must be one of ${SAMPLERS.join(', ')}`)
    .default('parentbased_always_on'),
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number('must be a number from 0 to 1').min(0).max(1).default(1),
  OTEL_BSP_MAX_QUEUE_SIZE: wholeNumber(1, 100_000, 4_096),
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: wholeNumber(1, 10_000, 512),
  OTEL_BSP_SCHEDULE_DELAY: wholeNumber(1, 5_000, 50),
};

const Settings = z.object(telemetrySettings);

/** The settings of this room, checked. */
export type TelemetrySettings = z.output<typeof Settings>;
