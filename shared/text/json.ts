/** Parses a JSON text. Returns undefined if the text is not JSON. Never throws. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The value of a setting in JSON: a Worker gets a list or an object among its variables as it is, and a secret as text. */
export function jsonOf(given: unknown): unknown {
  return typeof given === 'string' ? parseJson(given) : given;
}

/**
 * Returns how deeply arrays and objects are nested in a JSON text, at most `limit` + 1. The text is not parsed, so a
 * hostile text cannot overflow the stack. A parser, a validator and a structured clone are recursive, and need this
 * check first.
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

/** Writes a path into a value as a JSON Pointer (RFC 6901): `['a/b', 0]` becomes `/a~1b/0`. */
export function jsonPointer(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** The names in a JSON Pointer (RFC 6901) that is not empty: `/a~1b/0` has `a/b` and `0`. */
export function pointerNames(pointer: string): string[] {
  return pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/**
 * Characters that JSON may hold without an escape, but that can end a line, control a terminal, hide text or change its order.
 * Line breaks are left out: JSON has them only in its own indentation.
 */
const CONTROLS = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** Most JSON is printable ASCII, and this is much faster. */
const MAY_HOLD_CONTROLS = /[^ -~\n]/;

/**
 * Makes JSON safe to print: {@link CONTROLS} become `\u` escapes. Every JSON parser, and every compiler of JavaScript, turns
 * them back into the same value.
 */
export function printableJson(json: string): string {
  if (!MAY_HOLD_CONTROLS.test(json)) return json;
  return json.replace(CONTROLS, (character) =>
    Array.from(
      { length: character.length },
      (_, unit) => `\\u${character.charCodeAt(unit).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}

/** JSON that is the same for the same value, however it was written (RFC 8785): names in the order of their UTF-16 units, no blanks. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}
