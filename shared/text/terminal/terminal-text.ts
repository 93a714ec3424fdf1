import stringWidth from 'string-width';

/** Control characters, line separators, and invisible characters that hide text or change its order. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

const characters = new Intl.Segmenter();

/**
 * Makes text from another source safe to print. A character that could move the cursor, colour the terminal or change
 * the order of a line is shown as an escape.
 */
export function escapeControls(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const hex = code.toString(16);
    return NAMED[character] ?? (code < 0x100 ? `\\x${hex.padStart(2, '0')}` : `\\u{${hex}}`);
  });
}

/** Returns how many columns of a terminal a text takes. */
export function displayWidth(text: string): number {
  return stringWidth(text);
}

/** Cuts a text to `width` columns. An ellipsis at the end shows that the text was cut. */
export function truncate(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  if (width < 1) return '';
  let cut = '';
  let room = width - 1;
  for (const { segment } of characters.segment(text)) {
    room -= displayWidth(segment);
    if (room < 0) break;
    cut += segment;
  }
  return `${cut}…`;
}

/** Makes a text exactly `width` columns wide: cuts a longer text, and fills a shorter text with spaces. */
export function pad(text: string, width: number): string {
  const missing = width - displayWidth(text);
  if (missing >= 0) return text + ' '.repeat(missing);
  // The cut may leave one column free, where a wide character would not fit.
  const cut = truncate(text, width);
  return cut + ' '.repeat(Math.max(0, width - displayWidth(cut)));
}
