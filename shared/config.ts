import * as z from 'zod';
import { ThroughlineError } from './errors.ts';
import { isToken } from './job/job-address.ts';
import { jsonParts } from './text/json/json-parts.ts';
import { parseJson } from './text/json/parse-json.ts';

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
  return code === 'invalid_type' && expected === 'string' ? 'must be text' : 'has the wrong type';
}

/** A text of digits as a number; anything else as it is. `Number` alone also reads "0x10", "1e3" and a blank. */
function digits(value: unknown): unknown {
  return typeof value === 'string' && /^[0-9]+$/.test(value) ? Number(value) : value;
}

/**
 * The schema of a setting. It is one object, where a chain of checks would be one for each: a Worker makes all of them at each start.
 * @param rule the sentence about a wrong value, from "must be" on
 * @param read what a value means; undefined if the setting is not set
 */
export function setting<Value>(
  rule: string,
  read: (value: unknown) => unknown,
  isValid: (value: unknown) => value is Value,
): z.ZodType<Value, unknown> {
  return z.transform((given: unknown, { addIssue }) => {
    const value = read(given);
    if (isValid(value)) return value;
    addIssue(rule);
    return z.NEVER;
  });
}

/**
 * The schema of a setting in JSON: text, or the list or object that a Worker gets for a variable of `wrangler.toml`. A name that an
 * object of a text has twice is refused, since JSON.parse takes the last one in silence.
 * @param fallback the text that stands for a setting that is not set
 * @param read returns the value, or what is wrong as the end of a sentence, which must not show a value
 */
export function jsonSetting<Value extends object>(
  fallback: string,
  read: (json: unknown) => Value | string,
): z.ZodType<Value, unknown> {
  return z.transform((given: unknown = fallback, { addIssue }) => {
    const isText = typeof given === 'string';
    const value = read(isText ? parseJson(given) : given);
    if (typeof value === 'string') {
      addIssue(value);
      return z.NEVER;
    }
    for (const { kind, path } of isText ? jsonParts(given) : [])
      if (kind === 'repeated name') addIssue(`has ${path()} twice`);
    return value;
  });
}

/**
 * The schema of a setting that says something about single tenants, as a JSON object.
 * @param rule the sentence about a wrong value, from "must be" on
 * @param read what is said about one tenant; undefined if it is wrong
 */
export function tenantMap<Value>(
  rule: string,
  read: (value: unknown) => Value | undefined,
): z.ZodType<ReadonlyMap<string, Value>, unknown> {
  return jsonSetting('{}', (json) => {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) return rule;
    // A record of zod would not have the tenant `__proto__`.
    const tenants = new Map<string, Value>();
    for (const [tenant, given] of Object.entries(json)) {
      const value = isToken(tenant) ? read(given) : undefined;
      if (value === undefined) return rule;
      tenants.set(tenant, value);
    }
    return tenants;
  });
}

/** A whole number given as text. */
export function wholeNumber(min: number, max: number, fallback: number): z.ZodType<number, unknown> {
  return optionalWhole(min, max, fallback) as z.ZodType<number, unknown>;
}

/** A whole number given as text. @param fallback its value if it is not set */
export function optionalWhole(
  min: number,
  max: number,
  fallback?: number,
): z.ZodType<number | undefined, unknown> {
  return setting(
    `must be a whole number from ${min} to ${max}`,
    (value = fallback) => digits(value),
    (value) => value === undefined || isWhole(value, min, max),
  );
}

/** A number of bytes given as text; undefined if it is not set. */
export function optionalBytes(min: number): z.ZodType<number | undefined, unknown> {
  return setting(
    `must be a whole number of bytes, at least ${min}`,
    digits,
    (value) => value === undefined || isWhole(value, min, Number.MAX_SAFE_INTEGER),
  );
}

function isWhole(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
}

/** `true` or `false` given as text (or 1 and 0). */
export function flag(fallback: boolean): z.ZodType<boolean, unknown> {
  return setting(
    'must be true or false',
    (value) => {
      if (value === undefined) return fallback;
      if (value === 'true' || value === '1') return true;
      if (value === 'false' || value === '0') return false;
      return value;
    },
    (value) => typeof value === 'boolean',
  );
}

/** A text that may be left out. */
export const optionalText = z.string('must be text').optional();

/** A URL of one of the given schemes (without the colon). */
export function url(...schemes: readonly string[]): z.ZodType<string, unknown> {
  const message = urlRule(schemes);
  return z.string(message).refine((value) => {
    const parsed = URL.parse(value);
    return parsed !== null && schemes.includes(parsed.protocol.slice(0, -1));
  }, message);
}

/** What a URL of one of these schemes must be, as the end of a sentence. */
export function urlRule(schemes: readonly string[]): string {
  return `must be a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`;
}
