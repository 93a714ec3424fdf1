import { types } from 'node:util';

const MAX_TEXT = 100;

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

function words(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value === '' ? 'an empty text' : `the text ${JSON.stringify(shorten(value))}`;
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

function shorten(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}…`;
}

function classOf(object: object): string {
  // A proxy could run code of its own when it is asked for its class.
  if (types.isProxy(object)) return 'Proxy';
  if (Array.isArray(object)) return 'array';
  if (types.isDate(object) && Number.isNaN(Number(object))) return 'invalid Date';
  const name: unknown = Object.getPrototypeOf(object)?.constructor?.name;
  if (typeof name === 'string' && name !== '' && name !== 'Object') return shorten(name);
  // What generators give, and other objects of the language, have no constructor.
  const [, tag = 'Object'] = /^\[object (.+)\]$/.exec(Object.prototype.toString.call(object)) ?? [];
  return tag === 'Object' ? 'object' : shorten(tag);
}

function withArticle(noun: string): string {
  return `${/^[aeio]/i.test(noun) ? 'an' : 'a'} ${noun}`;
}
