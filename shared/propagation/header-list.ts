const SPACE = 0x20;
const TAB = 0x09;

const isOws = (code: number): boolean => code === SPACE || code === TAB;

/**
 * Strips spaces and tabs at both ends (optional white space, RFC 9110, section 5.6.3). The expression `[ \t]+$` would
 * take quadratic time on a long run of spaces. `trim()` would also strip line breaks and Unicode blanks, which are
 * faults that must stay visible.
 */
export function trimOws(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isOws(text.charCodeAt(start))) start++;
  while (end > start && isOws(text.charCodeAt(end - 1))) end--;
  return end - start === text.length ? text : text.slice(start, end);
}

/**
 * Calls `take` with each member of a comma-separated header, trimmed, from left to right. Empty members are skipped:
 * they appear when repeated header lines are joined (RFC 9110, section 5.6.1.2).
 */
export function eachMember(values: readonly string[], take: (member: string) => void): void {
  for (const text of values) {
    for (let start = 0; start < text.length; ) {
      const comma = text.indexOf(',', start);
      const end = comma === -1 ? text.length : comma;
      const member = trimOws(text.slice(start, end));
      if (member !== '') take(member);
      start = end + 1;
    }
  }
}
