const TOKEN = /\\.|\[(\^?)((?:[^\]\\]|\\.)*)\]|\(\?<[A-Za-z_$][\w$]*>|[A-Za-z]|./gs;
/** Escapes that name a character, a group or a property: what they mean without regard to case is not worth reading. */
const OPAQUE = /\\[xucpPk0-9]/;
const LETTERS = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'];

/**
 * Writes a pattern that has the flag `i` as one without: `^a[b-c]` becomes `^[aA][BCb-c]`. Without the flag `u`, a letter of
 * ASCII is the same as its other case and as nothing else (ECMAScript, "Canonicalize").
 * @returns undefined if the pattern names characters beyond ASCII, or in a way that is not read here
 */
export function inBothCases(source: string): string | undefined {
  if (/[^\x20-\x7e]/.test(source) || OPAQUE.test(source)) return undefined;
  return source.replace(TOKEN, (token: string, caret?: string, members?: string) => {
    if (members !== undefined) return classOf(caret ?? '', members);
    return /^[A-Za-z]$/.test(token) ? `[${token}${otherCase(token)}]` : token;
  });
}

function classOf(caret: string, members: string): string {
  const fits = (letter: string): boolean => new RegExp(`[${members}]`).test(letter);
  const missing = LETTERS.filter((letter) => !fits(letter) && fits(otherCase(letter))).join('');
  if (missing === '') return `[${caret}${members}]`;
  // A "-" that was the first member must not begin a range now.
  return `[${caret}${missing}${members.startsWith('-') ? '\\' : ''}${members}]`;
}

function otherCase(letter: string): string {
  const upper = letter.toUpperCase();
  return letter === upper ? letter.toLowerCase() : upper;
}
