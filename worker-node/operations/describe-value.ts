import { types } from 'node:util';
import { describeThrown } from '../../shared/errors.ts';
import { shortened } from '../../shared/text/shortened.ts';

const MAX_TEXT = 100;
/** As much as {@link describeThrown} tells. */
const MAX_TOLD = 2_000;

/**
 * A value of an author's code in a few words, for a sentence about it: `a Map`, `NaN`, `the text "5s"`. Never throws,
 * whatever the value is.
 */
export function describeValue(value: unknown): string {
  try {
    return words(value);
  } catch {
    return 'a value that cannot be shown';
  }
}

/** Whether `value` is an error, of any realm and of any class. Never throws. */
export function isError(value: unknown): value is Error {
  try {
    return types.isNativeError(value) || value instanceof Error;
  } catch {
    return false;
  }
}

/**
 * The message of an error, a text, or the beginning of the JSON of any other value, as one line of at most 2,000 characters. Never
 * throws.
 */
export function tellGiven(given: unknown): string {
  try {
    const said: unknown = isError(given) ? given.message || given.name : given;
    return describeThrown(typeof said === 'object' ? jsonStart(said, MAX_TOLD) : said);
  } catch {
    return 'a value that cannot be shown';
  }
}

/**
 * The JSON of a value: whole, if it has at most `max` characters, and else its beginning, which has some more. The rest of a large
 * value is not read. All of it could take minutes, in which nothing else runs, above all if a part stands at many places.
 * @param standIn gives what is written in place of a value
 * @throws TypeError if the value contains itself or a BigInt; and what code of the author throws
 */
export function jsonStart(
  value: unknown,
  max: number,
  standIn: (value: unknown) => unknown = (same) => same,
): string | undefined {
  let left = max;
  return JSON.stringify(startOfBuffer(value, max), function (this: unknown, key, given: unknown) {
    const value = left > 0 ? standIn(given) : undefined;
    // JSON leaves these out.
    if (value === undefined || typeof value === 'function' || typeof value === 'symbol') return undefined;
    // At most as many characters as the JSON has.
    left -= (Array.isArray(this) ? 0 : key.length) + (typeof value === 'string' ? value.length : 1);
    if (typeof value === 'string' || types.isTypedArray(value))
      return value.length > max ? value.slice(0, max) : value;
    return withShortBuffers(Array.isArray(value) && value.length > max ? value.slice(0, max) : value, max);
  });
}

/** The value itself, unless it has a large Buffer as a part. */
function withShortBuffers(value: unknown, max: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const parts = Object.entries(value).map(([key, part]) => [key, part, startOfBuffer(part, max)] as const);
  if (parts.every(([, part, start]) => part === start)) return value;
  if (Array.isArray(value)) return parts.map(([, , start]) => start);
  return Object.fromEntries(parts.map(([key, , start]) => [key, start]));
}

/** A Buffer makes a list of all its bytes, before anybody can cut the list. */
function startOfBuffer(value: unknown, max: number): unknown {
  return Buffer.isBuffer(value) && value.length > max ? value.subarray(0, max) : value;
}

function words(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value === '' ? 'an empty text' : `the text ${JSON.stringify(shortened(value, MAX_TEXT))}`;
    case 'symbol':
      return 'a symbol';
    case 'function':
      return 'a function';
    case 'bigint':
      return 'a BigInt';
    case 'object':
      return value === null ? 'null' : withArticle(classOf(value));
    default:
      return String(value);
  }
}

function classOf(object: object): string {
  // A proxy could run code of its own when it is asked for its class.
  if (types.isProxy(object)) return 'Proxy';
  if (Array.isArray(object)) return 'array';
  if (types.isDate(object) && Number.isNaN(Number(object))) return 'invalid Date';
  const name: unknown = Object.getPrototypeOf(object)?.constructor?.name;
  if (typeof name === 'string' && name !== '' && name !== 'Object') return shortened(name, MAX_TEXT);
  // What generators give, and other objects of the language, have no constructor.
  const [, tag = 'Object'] = /^\[object (.+)\]$/.exec(Object.prototype.toString.call(object)) ?? [];
  return tag === 'Object' ? 'object' : shortened(tag, MAX_TEXT);
}

function withArticle(noun: string): string {
  return `${/^[aeio]/i.test(noun) ? 'an' : 'a'} ${noun}`;
}
