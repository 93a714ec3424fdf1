import * as z from 'zod';
import { ThroughlineError } from './errors.ts';

/**
 * Checks the settings of a program, once at its start.
 * @param schema has a key for each setting
 * @param values the process environment, or the bindings of a Worker. An empty text means that the setting is not set.
 * @returns the settings, with defaults filled in
 * @throws ThroughlineError `config-invalid` with one sentence for each wrong setting. The value is not shown: it may be
 *   a secret.
 */
export function parseConfig<Schema extends z.ZodType>(
  schema: Schema,
  values: Readonly<Record<string, unknown>>,
): z.output<Schema> {
  // A variable that a deployment file leaves open often arrives as ''.
  const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(given, { error: plainly });
  if (parsed.success) return parsed.data;
  const sentences = parsed.error.issues.map(
    (issue) => `${issue.path.join('.') || 'config'}: ${issue.message}`,
  );
  throw new ThroughlineError('config-invalid', [...new Set(sentences)].join('; '));
}

/**
 * Reads settings of which a wrong one is ignored, as if it were not set.
 * @param shape the settings by name; each has a default, or may be left out
 * @returns the typed settings, and a sentence for each wrong one, naming it and never showing its value
 */
export function parseLenient<Shape extends Readonly<Record<string, z.ZodType>>>(
  shape: Shape,
  values: Readonly<Record<string, unknown>>,
): { readonly settings: z.output<z.ZodObject<Shape>>; readonly warnings: readonly string[] } {
  const warnings: string[] = [];
  const entries = Object.entries(shape).map(([name, schema]) => {
    const value = values[name];
    const given = typeof value === 'string' ? value.trim() : value;
    const parsed = schema.safeParse(given === '' ? undefined : given, { error: plainly });
    if (parsed.success) return [name, parsed.data];
    warnings.push(`${name}: ${parsed.error.issues[0]?.message}; the value is ignored`);
    return [name, schema.parse(undefined)];
  });
  return { settings: Object.fromEntries(entries), warnings };
}

/** The sentence about a value whose schema has none for it, such as a list where a text is read. */
function plainly({ code, expected }: z.core.$ZodRawIssue): string {
  return code === 'invalid_type' && expected === 'string' ? 'must be text' : 'must be something else';
}

/** A text of digits as a number; anything else as it is. `Number` alone also reads "0x10", "1e3" and a blank. */
function digits(value: unknown): unknown {
  return typeof value === 'string' && /^[0-9]+$/.test(value) ? Number(value) : value;
}

/** A whole number given as text. */
export function wholeNumber(min: number, max: number, fallback: number): z.ZodType<number, unknown> {
  const message = `must be a whole number from ${min} to ${max}`;
  return z.preprocess(
    (value) => (value === undefined ? fallback : digits(value)),
    z.number(message).int(message).min(min, message).max(max, message),
  );
}

/** A whole number given as text; undefined if it is not set. */
export function optionalWhole(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return z.preprocess(digits, z.int(message).min(min, message).max(max, message).optional());
}

/** A number of bytes given as text; undefined if it is not set. */
export const optionalBytes: z.ZodType<number | undefined, unknown> = z.preprocess(
  digits,
  z.int('must be a whole number of bytes').min(1, 'must be at least 1').optional(),
);

/** `true` or `false` given as text (or 1 and 0). */
export function flag(fallback: boolean): z.ZodType<boolean, unknown> {
  return z.preprocess((value) => {
    if (value === undefined) return fallback;
    if (value === 'true' || value === '1') return true;
    if (value === 'false' || value === '0') return false;
    return value;
  }, z.boolean('must be true or false'));
}

/** A text that may be left out. */
export const optionalText = z.string('must be text').optional();

/** A URL of one of the given schemes (without the colon). */
export function url(...schemes: readonly string[]): z.ZodType<string, unknown> {
  const message = `must be a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`;
  return z.string(message).refine((value) => {
    const parsed = URL.parse(value);
    return parsed !== null && schemes.includes(parsed.protocol.slice(0, -1));
  }, message);
}

/** Decodes a percent-encoded part of a setting. A text that is not valid stands for itself: somebody forgot to encode it. */
export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
