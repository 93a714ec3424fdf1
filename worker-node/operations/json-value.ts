import { types } from 'node:util';
import { isThroughlineError, ThroughlineError } from '../../shared/errors.ts';
import { LIMITS } from '../../shared/job/limits.ts';
import { isExactNumber } from '../../shared/text/json/json-numbers.ts';
import { jsonPointer } from '../../shared/text/json/json-pointer.ts';
import { shortened } from '../../shared/text/shortened.ts';
import { describeValue, isError } from './describe-value.ts';
import { isCopyOfOutcome, isOutcome } from './outcome.ts';
import { withoutStack } from './thrown.ts';

/** How deeply the values of a result may be nested. Its readers recurse. */
const MAX_DEPTH = 256;
/** How many characters of each end of a long path are told. */
const PATH_END = 200;
/** How many characters of a number are told. */
const MAX_NUMBER = 40;
/** A result that is larger is not copied to its end, so its size is not known. */
const MAX_COPIED_BYTES = 4 * 1024 * 1024;

/**
 * The JSON value that a result stands for: a copy, so that nothing can change it any more. `undefined` stands for no
 * result, and a property that is `undefined` is left out, as in `JSON.stringify`. Anything else that JSON would lose or
 * change without a word is refused.
 * @throws ThroughlineError `operation-rejected` naming the path and the kind of the value; `result-too-large` if it has
 *   more than 4 MiB
 */
export function toJsonValue(result: unknown): unknown {
  const copier = new JsonCopier();
  try {
    return copier.copy(result);
  } catch (thrown) {
    if (isThroughlineError(thrown)) throw thrown;
    // Code of the author ran: a getter, a `toJSON`, a trap of a proxy.
    throw copier.refuse('a value that throws when it is read', thrown);
  }
}

/**
 * The error of a result that is too large to be stored.
 * @param bytes how many bytes of JSON the result has
 * @param limit how many it may have
 */
export function resultTooLarge(bytes: number | string, limit: number): ThroughlineError {
  const advice = 'store it elsewhere and return its address';
  const message = `the result is ${bytes} bytes of JSON, and at most ${limit} can be stored; ${advice}`;
  return withoutStack(new ThroughlineError('result-too-large', message));
}

class JsonCopier {
  /** At most as many as the JSON has in the end. */
  #bytes = 0;
  /** Where the value is that is being copied; after a throw, the value that threw. */
  readonly #path: (string | number)[] = [];
  readonly #ancestors: object[] = [];

  copy(given: unknown): unknown {
    const value = this.#read(standIn(given, this.#path));
    switch (typeof value) {
      case 'undefined':
        return undefined;
      case 'string':
        return this.#spend(value.length, value);
      case 'boolean':
        return this.#spend(4, value);
      case 'number':
        if (!Number.isFinite(value)) throw this.refuse(describeValue(value));
        return this.#spend(1, value);
      case 'object':
        return this.#spend(2, value === null ? value : this.#copyStructure(value));
      default:
        throw this.refuse(describeValue(value));
    }
  }

  /** The value that raw JSON is the text of; any other value itself. */
  #read(value: unknown): unknown {
    if (!isRawJson(value)) return value;
    const read: unknown = JSON.parse(value.rawJSON);
    if (typeof read !== 'number' || isExactNumber(value.rawJSON)) return read;
    throw this.refuse(
      `the number ${shortened(value.rawJSON, MAX_NUMBER)}, which a double cannot hold; return it as a text`,
    );
  }

  #copyStructure(value: object): unknown {
    if (isOutcome(value))
      throw this.refuse(`an outcome; return ${value.kind === 'done' ? 'the result' : 'it'} by itself`);
    if (this.#path.length === 0 && isCopyOfOutcome(value))
      throw this.refuse(
        'a copy of an outcome, and only an outcome itself counts: return what reject(), retry() or retryAfter() gives',
      );
    if (isLost(value)) throw this.refuse(lostWords(value));
    if (this.#ancestors.includes(value)) throw this.refuse('a circle: the value contains itself');
    if (this.#path.length === MAX_DEPTH) throw this.refuse(`nested deeper than ${MAX_DEPTH} levels`);
    this.#ancestors.push(value);
    const copied = Array.isArray(value) ? this.#copyArray(value) : this.#copyObject(value);
    this.#ancestors.pop();
    return copied;
  }

  #copyArray(array: readonly unknown[]): unknown[] {
    const copied: unknown[] = [];
    for (let index = 0; index < array.length; index++) {
      this.#path.push(index);
      const item = this.copy(array[index]);
      // JSON would make null of it.
      if (item === undefined) throw this.refuse('undefined');
      copied.push(item);
      this.#path.pop();
    }
    return copied;
  }

  #copyObject(object: object): unknown {
    const entries: [string, unknown][] = [];
    for (const key of Object.keys(object)) {
      this.#path.push(key);
      const value = this.copy((object as Readonly<Record<string, unknown>>)[key]);
      if (value !== undefined) entries.push([key, this.#spend(key.length + 2, value)]);
      this.#path.pop();
    }
    return Object.fromEntries(entries);
  }

  /** Counts bytes. A value that stands at many places would otherwise take all memory when it is copied. */
  #spend<T>(bytes: number, value: T): T {
    this.#bytes += bytes;
    if (this.#bytes <= MAX_COPIED_BYTES) return value;
    throw resultTooLarge(`more than ${MAX_COPIED_BYTES}`, LIMITS.resultBytes);
  }

  refuse(what: string, cause?: unknown): ThroughlineError {
    const where = shortPointer(this.#path) || 'it';
    const message = `the result cannot be JSON: ${where} is ${what}`;
    return withoutStack(new ThroughlineError('operation-rejected', message, { cause }));
  }
}

/** A path that leaves room for what is said about it: its ends say the most. */
function shortPointer(path: readonly (string | number)[]): string {
  const pointer = jsonPointer(path);
  if (pointer.length <= 2 * PATH_END) return pointer;
  return `${pointer.slice(0, PATH_END)}…${pointer.slice(-PATH_END)}`;
}

/** The value that JSON writes in place of another one: what `toJSON` returns, or what a boxed value holds. */
function standIn(value: unknown, path: readonly (string | number)[]): unknown {
  if (typeof value !== 'bigint' && (typeof value !== 'object' || value === null)) return value;
  const { toJSON } = value as { readonly toJSON?: unknown };
  if (typeof toJSON !== 'function') return types.isBoxedPrimitive(value) ? value.valueOf() : value;
  // The JSON of a Date that is none is null.
  if (types.isDate(value) && Number.isNaN(Number(value))) return value;
  return toJSON.call(value, String(path.at(-1) ?? ''));
}

/** Whether `JSON.rawJSON` made a value, which TypeScript does not know. Authors write a BigInt so that JSON has all its digits. */
function isRawJson(value: unknown): value is { readonly rawJSON: string } {
  return (JSON as unknown as { isRawJSON(value: unknown): boolean }).isRawJSON(value);
}

function lostWords(value: object): string {
  const words = describeValue(value);
  return words === 'an object' ? 'an object without properties of its own' : words;
}

/** Whether JSON would keep nothing of an object, or not what it means. */
function isLost(object: object): boolean {
  if (Array.isArray(object) || isPlain(object)) return false;
  if (isError(object) || types.isPromise(object) || types.isDate(object)) return true;
  if (ArrayBuffer.isView(object) || types.isAnyArrayBuffer(object)) return true;
  // A Map, a Set, a stream: what it holds is not in its properties.
  if (Symbol.iterator in object || Symbol.asyncIterator in object) return true;
  return Object.keys(object).length === 0;
}

/** Whether an object is one that `{}` makes, in any realm, or has no prototype. */
function isPlain(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  return prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null;
}
