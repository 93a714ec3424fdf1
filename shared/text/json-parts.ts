import { jsonPointer } from './json.ts';

/** A number of a JSON text, or a name that its object has before already. */
interface JsonPart {
  readonly kind: 'number' | 'repeated name';
  /** As it is written. */
  readonly source: string;
  /** Where it is: a JSON Pointer (RFC 6901). It is made when it is asked for. */
  readonly path: () => string;
}

const NUMBER = /[-+.0-9eE]+/y;

/** What is open at a place of the text: a list with the index in it, or an object with the names so far. */
type Open = { index: number } | { name: string | undefined; names: Set<string> | undefined };

/**
 * The numbers and the repeated names of a JSON text, in order. It takes linear time, and does not recurse.
 * @param json a text that JSON.parse takes
 */
export function* jsonParts(json: string): Generator<JsonPart> {
  const open: Open[] = [];
  const path = () => jsonPointer(open.map((at) => ('index' in at ? at.index : (at.name ?? ''))));
  let isName = false;
  for (let at = 0; at < json.length; at++) {
    const char = json.charAt(at);
    if (char === '"') {
      const end = endOfString(json, at);
      const object = isName ? open.at(-1) : undefined;
      if (object !== undefined && 'names' in object) {
        const source = json.slice(at, end);
        if (!takeName(object, source)) yield { kind: 'repeated name', source, path };
      }
      isName = false;
      at = end - 1;
    } else if (char === '-' || (char >= '0' && char <= '9')) {
      NUMBER.lastIndex = at;
      const source = NUMBER.exec(json)?.[0] ?? char;
      yield { kind: 'number', source, path };
      at += source.length - 1;
    } else {
      follow(open, char);
      const last = open.at(-1);
      if (char === '{' || char === ',') isName = last !== undefined && 'names' in last;
    }
  }
}

function follow(open: Open[], char: string): void {
  const last = open.at(-1);
  if (char === '{') open.push({ name: undefined, names: undefined });
  else if (char === '[') open.push({ index: 0 });
  else if (char === '}' || char === ']') open.pop();
  else if (char === ',' && last !== undefined && 'index' in last) last.index++;
}

/** @returns whether the name is new in its object. Most objects need no set: they have one field, or none. */
function takeName(object: Extract<Open, { names: unknown }>, source: string): boolean {
  const name: string = source.includes('\\') ? JSON.parse(source) : source.slice(1, -1);
  if (object.name !== undefined) object.names ??= new Set([object.name]);
  object.name = name;
  if (object.names === undefined) return true;
  const { size } = object.names;
  return object.names.add(name).size > size;
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
