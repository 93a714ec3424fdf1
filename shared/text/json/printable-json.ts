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
