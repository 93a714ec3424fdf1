/**
 * The checks of zod schemas (`min`, `regex`, `refine`, …) as JSON Schema.
 *
 * zod runs the checks of a schema one after the other, and some change the value for those after them: `trim`,
 * `toLowerCase`, a function of the author. So the list ends at the first check that may do that.
 */
import * as z from 'zod';
import type { Keywords } from './json-schema.ts';
import { inBothCases } from './letter-case.ts';
import { splitLookaheads } from './lookaheads.ts';

interface ReadCheck {
  /** What the check says for certain; undefined: nothing. */
  readonly keywords?: Keywords;
  /** Whether the keywords say all that the check says. */
  readonly isExact: boolean;
  /** Whether the checks after it may see another value. */
  readonly mayChange?: boolean;
}

export interface ReadChecks {
  readonly keywords: readonly Keywords[];
  /** False if a check was left out. */
  readonly isWhole: boolean;
  /** Whether a check may change the value. */
  readonly mayChange: boolean;
}

type Def = Readonly<Record<string, unknown>>;

/** Formats that zod checks by their pattern and by nothing else, with their names in JSON Schema. */
const PATTERN_FORMATS: Readonly<Record<string, string | undefined>> = {
  regex: undefined,
  lowercase: undefined,
  uppercase: undefined,
  email: 'email',
  uuid: 'uuid',
  guid: 'uuid',
  nanoid: undefined,
  cuid: undefined,
  cuid2: undefined,
  ulid: undefined,
  xid: undefined,
  ksuid: undefined,
  datetime: 'date-time',
  date: 'date',
  time: 'time',
  duration: 'duration',
  ipv4: 'ipv4',
  cidrv4: undefined,
  e164: undefined,
  mac: undefined,
};
/** Formats that a function checks. It cannot change the text. */
const FUNCTION_FORMATS = ['emoji', 'ipv6', 'cidrv6', 'base64', 'base64url', 'jwt', 'credit_card', 'iban'];

/** Every absolute URL has a scheme. A parser of URLs leaves out blanks around it, and tabs and line breaks within. */
const URL_PATTERN = '^[\\s\\u0000-\\u0020]*[A-Za-z][A-Za-z0-9+.\\-\\t\\n\\r]*:';
/** Characters that mean something in a pattern. */
const SYNTAX = /[\\^$.*+?()[\]{}|]/g;
/** Flags that change nothing for a test from the start of a text. */
const HARMLESS_FLAGS = /^[dg]*$/;
/** Parts of a pattern that the edge leaves out. */
const LEFT_OUT_BY_EDGE = /\(\?[^:]|\\[bBkpPc0-9]|[\ud800-\udfff]/;

const INTEGER_RANGES: Readonly<Record<string, readonly [number, number]>> = {
  safeint: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
};

const LEFT_OUT: ReadCheck = { isExact: false };
const MAY_CHANGE: ReadCheck = { isExact: false, mayChange: true };

/** zod's own conditions for a check: whether the value has a length at all. */
const OWN_CONDITIONS = new Set(
  [z.minLength(1), z.maxLength(1), z.length(1)].map(({ _zod }) => String(_zod.def.when)),
);

export function readTextChecks(schema: z.core.$ZodType): ReadChecks {
  return readChecks(schema, (def) => {
    if (def.check === 'string_format') return readFormat(def);
    return readLength(def, 'minLength', 'maxLength') ?? readFunction(def);
  });
}

export function readNumberChecks(schema: z.core.$ZodType): ReadChecks {
  return readChecks(schema, (def) => {
    if (def.check === 'number_format') return readNumberFormat(def);
    if (def.check === 'multiple_of') return readBound('multipleOf', def.value);
    if (def.check === 'less_than')
      return readBound(def.inclusive ? 'maximum' : 'exclusiveMaximum', def.value);
    if (def.check === 'greater_than')
      return readBound(def.inclusive ? 'minimum' : 'exclusiveMinimum', def.value);
    return readFunction(def);
  });
}

export function readListChecks(schema: z.core.$ZodType): ReadChecks {
  return readChecks(schema, (def) => readLength(def, 'minItems', 'maxItems') ?? MAY_CHANGE);
}

/** A pattern, if JSON Schema has the same one. */
export function readPattern(pattern: unknown, format?: string): ReadCheck {
  const source = isPlainPattern(pattern) ? withoutFlags(pattern) : undefined;
  if (source === undefined) return LEFT_OUT;
  const { rest, forbidden } = splitLookaheads(source);
  const keywords = {
    pattern: rest,
    ...(format === undefined ? {} : { format }),
    ...(forbidden.length === 0 ? {} : { not: { anyOf: forbidden.map((part) => ({ pattern: part })) } }),
  };
  return { keywords, isExact: ![rest, ...forbidden].some((part) => LEFT_OUT_BY_EDGE.test(part)) };
}

/** JSON Schema has no flags. Undefined if they change what cannot be written without them. */
function withoutFlags({ source, flags }: RegExp): string | undefined {
  if (!HARMLESS_FLAGS.test(flags.replace('i', ''))) return undefined;
  return flags.includes('i') ? inBothCases(source) : source;
}

/** An author's own class of patterns, or a pattern with a method of its own, may test in another way. */
function isPlainPattern(pattern: unknown): pattern is RegExp {
  return (
    pattern instanceof RegExp &&
    Object.getPrototypeOf(pattern) === RegExp.prototype &&
    Object.keys(pattern).length === 0
  );
}

function readChecks(schema: z.core.$ZodType, read: (def: Def) => ReadCheck): ReadChecks {
  const keywords: Keywords[] = [];
  let isWhole = true;
  for (const def of checksOf(schema)) {
    const check = read(def);
    const isRead = check.keywords !== undefined && isUnconditional(def);
    if (isRead) keywords.push(check.keywords);
    isWhole &&= isRead && check.isExact;
    if (check.mayChange) return { keywords, isWhole: false, mayChange: true };
  }
  return { keywords, isWhole, mayChange: false };
}

/** In the order in which they run. A schema such as `z.email()` is its own first check. */
function checksOf({ _zod: { def, traits } }: z.core.$ZodType): Def[] {
  const checks = (def.checks ?? []).map((check) => check._zod.def);
  return (traits.has('$ZodCheck') ? [def, ...checks] : checks) as unknown as Def[];
}

function isUnconditional({ when }: Def): boolean {
  return when === undefined || OWN_CONDITIONS.has(String(when));
}

function readFormat({ format, pattern, prefix, suffix, includes, position = 0, fn }: Def): ReadCheck {
  const name = String(format);
  // A format of the author may have any name. Its function cannot change the text.
  if (fn !== undefined) return pattern === undefined ? LEFT_OUT : readPattern(pattern);
  if (name === 'url') return { keywords: { pattern: URL_PATTERN, format: 'uri' }, ...MAY_CHANGE };
  if (name === 'starts_with') return readPart('^', prefix, '');
  if (name === 'ends_with') return readPart('', suffix, '$');
  if (name === 'includes') return position === 0 ? readPart('', includes, '') : LEFT_OUT;
  if (Object.hasOwn(PATTERN_FORMATS, name)) return readPattern(pattern, PATTERN_FORMATS[name]);
  return FUNCTION_FORMATS.includes(name) ? LEFT_OUT : MAY_CHANGE;
}

function readPart(before: string, text: unknown, after: string): ReadCheck {
  if (typeof text !== 'string') return LEFT_OUT;
  return readPattern(new RegExp(`${before}${text.replace(SYNTAX, '\\$&')}${after}`));
}

function readLength(
  { check, minimum, maximum, length }: Def,
  min: string,
  max: string,
): ReadCheck | undefined {
  if (check === 'min_length') return readBound(min, minimum);
  if (check === 'max_length') return readBound(max, maximum);
  if (check !== 'length_equals' || typeof length !== 'number') return undefined;
  return { keywords: { [min]: length, [max]: length }, isExact: true };
}

function readNumberFormat({ format }: Def): ReadCheck {
  const range = INTEGER_RANGES[String(format)];
  if (range === undefined) return LEFT_OUT;
  const [minimum, maximum] = range;
  return { keywords: { type: 'integer', minimum, maximum }, isExact: true };
}

function readBound(keyword: string, value: unknown): ReadCheck {
  return Number.isFinite(value) ? { keywords: { [keyword]: value }, isExact: true } : LEFT_OUT;
}

/** A function of the author that gets the bare value cannot change a text or a number. One that gets the context can. */
function readFunction({ check, fn }: Def): ReadCheck {
  return check === 'custom' && typeof fn === 'function' ? LEFT_OUT : MAY_CHANGE;
}
