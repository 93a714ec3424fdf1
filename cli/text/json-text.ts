/** What must not reach a terminal raw, and what JSON.stringify leaves raw; a line break is its own indentation. */
const UNSAFE = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/**
 * A value as JSON that is safe to print: control and invisible characters are `\u` escapes, which every JSON
 * parser reads back as the same value.
 */
export function jsonText(value: unknown, indent = 0): string {
  const text = JSON.stringify(value, undefined, indent) ?? 'null';
  return text.replace(UNSAFE, (character) =>
    Array.from(
      { length: character.length },
      (_, unit) => `\\u${character.charCodeAt(unit).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}
