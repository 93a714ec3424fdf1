import stringWidth from 'string-width';

const characters = new Intl.Segmenter();

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
