/** What a JSON text says, or undefined where it is not JSON. Never throws. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * How deeply arrays and objects are nested in a JSON text, counted without building anything. Stops at `limit`, so
 * that hostile text costs no stack: a parser, a validator and a structured clone all recurse.
 */
export function jsonDepth(text: string, limit: number): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < text.length && deepest <= limit; i++) {
    const char = text[i];
    if (inString) {
      if (char === '\\') i++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === '{' || char === '[') deepest = Math.max(deepest, ++depth);
    else if (char === '}' || char === ']') depth--;
  }
  return deepest;
}

/** The JSON Pointer (RFC 6901) of a place in a value: `['a/b', 0]` is `/a~1b/0`. */
export function jsonPointer(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/**
 * What JSON lets through and a reader of lines or a terminal may act on: DEL and C1 (among them NEL and CSI), the line
 * and paragraph separators, and marks that turn the direction of writing or show as nothing.
 */
const COMMANDS = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** A JSON text, with `\uXXXX` for what {@link COMMANDS} says of it: the same value, and a line that stays one line everywhere. */
export function printableJson(json: string): string {
  return json.replace(COMMANDS, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
