import { shortened } from '../shortened.ts';
import { jsonPointer } from './json-pointer.ts';

/** A number of a JSON text, or a name that its object already has. */
interface JsonPart {
  readonly kind: 'number' | 'repeated name';
  /** As it is written. */
  readonly source: string;
  /** Returns where it is: a JSON Pointer (RFC 6901), cut if it is long, as are long names in it. Call this before you ask for the next part. */
  readonly path: () => string;
}

/** The most characters of a name in a path, and of a path. The caller decides how long names are, and how many. */
const MAX_NAME = 100;
const MAX_PATH = 200;
const NUMBER = /[-+.0-9eE]+/y;

/**
 * The numbers and the repeated names of a JSON text, in order. It takes linear time, and does not recurse.
 * @param json a text that JSON.parse takes
 */
export function* jsonParts(json: string): Generator<JsonPart> {
  const place = new Place();
  const path = () => place.pointer();
  for (let at = 0; at < json.length; at++) {
    const char = json.charAt(at);
    if (char === '"') {
      const end = endOfString(json, at);
      const source = json.slice(at, end);
      if (place.takeText(source)) yield { kind: 'repeated name', source, path };
      at = end - 1;
    } else if (char === '-' || (char >= '0' && char <= '9')) {
      NUMBER.lastIndex = at;
      const source = NUMBER.exec(json)?.[0] ?? char;
      yield { kind: 'number', source, path };
      at += source.length - 1;
    } else place.follow(char);
  }
}

/** What is open at a place of the text: a list and the index in it, or an object, the name in it, and the names before. */
type Open = { index: number } | { name: string | undefined; names: Set<string> | undefined };

class Place {
  /** One that is never collected: V8 discards compiled code for a class when it has collected all objects of that class. */
  static readonly kept = new Place();
  readonly #open: Open[] = [];
  #isNameNext = false;

  /** Takes a character that belongs to no string and no number. */
  follow(char: string): void {
    const last = this.#open.at(-1);
    if (char === '{') this.#open.push({ name: undefined, names: undefined });
    else if (char === '[') this.#open.push({ index: 0 });
    else if (char === '}' || char === ']') this.#open.pop();
    else if (char === ',' && last !== undefined && 'index' in last) last.index++;
    if (char === ',') this.#isNameNext = last !== undefined && 'names' in last;
    else if (char === '{') this.#isNameNext = true;
  }

  /** Takes a string. @returns whether it is a name that its object has already */
  takeText(source: string): boolean {
    const object = this.#isNameNext ? this.#open.at(-1) : undefined;
    this.#isNameNext = false;
    if (object === undefined || !('names' in object)) return false;
    const name: string = source.includes('\\') ? JSON.parse(source) : source.slice(1, -1);
    // An object with one field needs no set.
    if (object.name !== undefined) object.names ??= new Set([object.name]);
    object.name = name;
    if (object.names === undefined) return false;
    const { size } = object.names;
    return object.names.add(name).size === size;
  }

  pointer(): string {
    const names = this.#open.map((at) => ('index' in at ? at.index : shortened(at.name ?? '', MAX_NAME)));
    return shortened(jsonPointer(names), MAX_PATH);
  }
}

/** The offset after the string that starts at `start`. */
function endOfString(json: string, start: number): number {
  for (let end = json.indexOf('"', start + 1); end !== -1; end = json.indexOf('"', end + 1)) {
    let slashes = 0;
    while (json.charAt(end - 1 - slashes) === '\\') slashes++;
    if (slashes % 2 === 0) return end + 1;
  }
  return json.length;
}
