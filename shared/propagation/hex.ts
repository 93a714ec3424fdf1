const IS_HEX = new Uint8Array(128);
for (const digit of '0123456789abcdef') IS_HEX[digit.charCodeAt(0)] = 1;

/**
 * Whether a part of a text is lowercase hex digits only. A table and no early return: on ids, whose digits and
 * letters come in random order, a branch or a regular expression takes two to three times as long.
 */
export function isHex(text: string, start: number, end: number): boolean {
  let all = 1;
  for (let i = start; i < end; i++) all &= IS_HEX[text.charCodeAt(i)] ?? 0;
  return all === 1;
}

/** So many random bytes as hex digits, never zeros only, which no id may be. */
export function randomHex(bytes: number): string {
  const octets = crypto.getRandomValues(new Uint8Array(bytes));
  if (octets.every((octet) => octet === 0)) octets[0] = 1;
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join('');
}
