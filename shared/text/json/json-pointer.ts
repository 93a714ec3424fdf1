/** Writes a path into a value as a JSON Pointer (RFC 6901): `['a/b', 0]` becomes `/a~1b/0`. */
export function jsonPointer(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** The names in a JSON Pointer (RFC 6901) that is not empty: `/a~1b/0` has `a/b` and `0`. */
export function pointerNames(pointer: string): string[] {
  return pointer.slice(1).split('/').map(pointerName);
}

/** The name that a part of a JSON Pointer stands for: `a~1b` for `a/b`. */
export function pointerName(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}
