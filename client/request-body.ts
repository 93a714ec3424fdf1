import { ThroughlineError, type Violation } from '../shared/errors.ts';
import { jsonPointer } from '../shared/text/json/json-pointer.ts';

const MAX_VIOLATIONS = 10;
/** So much of the path is told where there are too many levels. */
const SHOWN_LEVELS = 16;

/**
 * The body of a request as JSON. JSON.stringify alone would make `{}` of a Map and `null` of NaN, so that the job would
 * get something else than its caller gave.
 * @throws ThroughlineError `request-invalid` with the path of each part that JSON cannot hold
 */
export function writeRequestBody(body: unknown): string {
  const violations: Violation[] = [];
  /** The path of each object that is being written. */
  const paths = new Map<unknown, readonly PropertyKey[]>();
  let path: readonly PropertyKey[] = [];
  const add = (message: string, place = path): void => {
    if (violations.length < MAX_VIOLATIONS) violations.push({ path: jsonPointer(place), message });
  };
  /** `this` is the object that holds the value. */
  function check(this: unknown, key: string, value: unknown): unknown {
    path = paths.size === 0 ? [] : [...(paths.get(this) ?? []), key];
    if (typeof value === 'object') paths.set(value, path);
    const fault = faultOf(value, Array.isArray(this)) ?? faultOfDate(Reflect.get(Object(this), key));
    if (fault === undefined) return value;
    add(fault);
    return null;
  }
  const json = stringify(body, check, (message, place) => add(message, place(path)));
  if (violations.length === 0 && json !== undefined) return json;
  const places = violations.map(({ path: place, message }) => `${place || 'the body'}: ${message}`);
  throw new ThroughlineError('request-invalid', places.join('; '), { violations });
}

/** JSON.stringify throws by itself for a circle, for too many levels, and where a `toJSON` or a getter throws. */
function stringify(
  body: unknown,
  check: (this: unknown, key: string, value: unknown) => unknown,
  add: (fault: string, place: (last: readonly PropertyKey[]) => readonly PropertyKey[]) => void,
): string | undefined {
  try {
    return JSON.stringify(body, check);
  } catch (thrown) {
    if (thrown instanceof RangeError)
      add('JSON cannot hold so many levels', (last) => last.slice(0, SHOWN_LEVELS));
    else if (thrown instanceof TypeError && thrown.message.includes('circular')) {
      add('JSON cannot hold an object that holds itself', (last) => last);
    } else add('an object that cannot be read', () => unreadableIn(body));
    return undefined;
  }
}

/** Where a value is that throws when JSON.stringify reads it. The last value that it has read is another one. */
function unreadableIn(value: unknown): PropertyKey[] {
  let key: string | undefined;
  try {
    for (key of Object.keys(Object(value)))
      JSON.stringify(Reflect.get(Object(value), key), (_, one: unknown) =>
        typeof one === 'bigint' ? null : one,
      );
    return [];
  } catch {
    return key === undefined ? [] : [key, ...unreadableAt(value, key)];
  }
}

function unreadableAt(value: unknown, key: string): PropertyKey[] {
  try {
    return unreadableIn(Reflect.get(Object(value), key));
  } catch {
    return [];
  }
}

/** Why JSON cannot hold a value; undefined if it can. */
function faultOf(value: unknown, isItem: boolean): string | undefined {
  if (typeof value === 'number' && !Number.isFinite(value))
    return `${value} is no number of JSON; send it as text`;
  switch (typeof value) {
    case 'bigint':
      return 'JSON cannot hold a bigint; send it as text';
    case 'function':
    case 'symbol':
      return `JSON cannot hold a ${typeof value}`;
    case 'undefined':
      // An object leaves the field out, and a list cannot.
      return isItem ? 'JSON cannot hold undefined in a list' : undefined;
    case 'object':
      return value === null ? undefined : faultOfObject(value);
    default:
      return undefined;
  }
}

/** The JSON of a Date that is none is null. */
function faultOfDate(given: unknown): string | undefined {
  const isInvalid = given instanceof Date && Number.isNaN(Number(given));
  return isInvalid ? 'JSON cannot hold an invalid Date' : undefined;
}

/** The objects that JSON.stringify writes with all that they hold. */
const WRITABLE = ['Object', 'Array', 'Boolean', 'Number', 'String'];

/** Of any other object JSON.stringify writes the fields, which are not what it holds: `{}` for a Map. */
function faultOfObject(value: object): string | undefined {
  const kind = Object.prototype.toString.call(value).slice('[object '.length, -1);
  if (WRITABLE.includes(kind)) return undefined;
  const holdsMore = kind === 'Error' || ArrayBuffer.isView(value) || Object.keys(value).length === 0;
  return holdsMore ? `JSON cannot hold ${/^[AEIO]/.test(kind) ? 'an' : 'a'} ${kind}` : undefined;
}
