/** The entries of a text such as `a, b`, without the white space around them. Empty entries are left out. */
export function commaList(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}
