import { jsonPointer } from './json.ts';

/** Where a value holds something that JSON has no word for, and what that is. */
export interface JsonValueFault {
  /** A JSON Pointer (RFC 6901) into the value. */
  readonly path: string;
  /** Such as `a Map`, `NaN`. */
  readonly found: string;
}

/**
 * The JSON text of a value, or why there is none. JSON.stringify alone makes `{}` of a Map and `null` of NaN, so that
 * what arrives is not what was given. Never throws.
 */
export function jsonOf(value: unknown): { readonly json: string } | JsonValueFault {
  const paths = new Map<unknown, readonly PropertyKey[]>();
  let place: readonly PropertyKey[] = [];
  let fault: JsonValueFault | undefined;
  /** `this` is the object that holds the part. */
  function check(this: unknown, key: string, part: unknown): unknown {
    const holder = paths.get(this);
    place = holder === undefined ? [] : [...holder, key];
    const found = unwritable(part, Array.isArray(this));
    if (found !== undefined) {
      fault = { path: jsonPointer(place), found };
      throw new TypeError(found);
    }
    if (typeof part === 'object' && part !== null) paths.set(part, place);
    return part;
  }
  try {
    const json = JSON.stringify(value, check);
    return json === undefined ? { path: '', found: String(value) } : { json };
  } catch (thrown) {
    return fault ?? { path: jsonPointer(place), found: thrownBy(thrown) };
  }
}

/** JSON.stringify throws by itself for a circle, for too many levels, and where a `toJSON` or a getter throws. */
function thrownBy(thrown: unknown): string {
  if (thrown instanceof RangeError) return 'too many levels';
  return thrown instanceof TypeError && thrown.message.includes('circular')
    ? 'an object that holds itself'
    : 'an object that cannot be read';
}

/** What a part of a value is, if JSON cannot say it; undefined if it can. */
function unwritable(part: unknown, isItem: boolean): string | undefined {
  switch (typeof part) {
    case 'number':
      return Number.isFinite(part) ? undefined : String(part);
    case 'bigint':
      return 'a BigInt';
    case 'function':
    case 'symbol':
      return `a ${typeof part}`;
    case 'undefined':
      // An object leaves the field out, and a list cannot.
      return isItem ? 'undefined' : undefined;
    case 'object':
      return part === null ? undefined : unwritableObject(part);
    default:
      return undefined;
  }
}

/** What JSON.stringify writes as it is. */
const WRITABLE = ['Object', 'Array', 'Boolean', 'Number', 'String'];

/** Of any other object JSON.stringify writes the fields, which are not what it holds: `{}` for a Map. */
function unwritableObject(part: object): string | undefined {
  const kind = Object.prototype.toString.call(part).slice('[object '.length, -1);
  if (WRITABLE.includes(kind)) return undefined;
  const holdsMore = kind === 'Error' || ArrayBuffer.isView(part) || Object.keys(part).length === 0;
  return holdsMore ? `${/^[AEIO]/.test(kind) ? 'an' : 'a'} ${kind}` : undefined;
}
