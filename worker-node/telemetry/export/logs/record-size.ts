import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';

/** About what a value, and a field of an object, take in OTLP's JSON beside their texts. */
const VALUE_CHARACTERS = 20;
const FIELD_CHARACTERS = 20;

/** About how many characters a record has as OTLP's JSON, where a small number in a list takes ten times as many as in a line. */
export function charactersOf({ body, attributes }: Pick<ReadableLogRecord, 'body' | 'attributes'>): number {
  return inJson(body) + inJson(attributes);
}

function inJson(value: unknown): number {
  if (typeof value === 'string') return value.length + VALUE_CHARACTERS;
  if (typeof value !== 'object' || value === null) return VALUE_CHARACTERS;
  if (Array.isArray(value)) return value.reduce((sum: number, one) => sum + inJson(one), VALUE_CHARACTERS);
  return Object.entries(value).reduce(
    (sum, [key, one]) => sum + key.length + FIELD_CHARACTERS + inJson(one),
    VALUE_CHARACTERS,
  );
}
