/** OpenTelemetry's own setting values, as its specification names them ("SDK environment variables"). */
export const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
export type SamplerName = (typeof SAMPLERS)[number];

/** `OTEL_EXPORTER_OTLP_HEADERS`: `key=value` pairs, comma-separated, percent-encoded (W3C Baggage syntax). */
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
