/**
 * What JSON lets through and a reader of lines or a terminal may act on: DEL and C1 (among them NEL and CSI), the line
 * and paragraph separators, and marks that turn the direction of writing or show as nothing.
 */
const COMMANDS = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** A JSON text, with `\uXXXX` for what {@link COMMANDS} says of it: the same value, and a line that stays one line everywhere. */
export function printableJson(json: string): string {
  return json.replace(COMMANDS, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
