/** What every POSIX shell takes as it is. */
const PLAIN = /^[\w@%+:,./-][\w@%+=:,./-]*$/;
/** Control characters, and invisible ones, which a terminal does not show. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/**
 * A text as one word of a shell command, for people who paste it. Control characters are written as escapes, which bash, zsh
 * and ksh read.
 */
export function shellWord(text: string): string {
  if (PLAIN.test(text)) return text;
  if (!UNPRINTABLE.test(text)) return `'${text.replaceAll("'", "'\\''")}'`;
  const escaped = Array.from(text, (character) => {
    if (UNPRINTABLE.test(character)) return bytesOf(character);
    return character === "'" || character === '\\' ? `\\${character}` : character;
  });
  return `$'${escaped.join('')}'`;
}

/**
 * A command with arguments, for people who paste it into a shell.
 * @param command the program with its own words, as they are
 * @param values the arguments; none of them is taken for an option
 */
export function shellCommand(command: string, ...values: readonly string[]): string {
  const end = values.some((value) => value.startsWith('-')) ? ['--'] : [];
  return [command, ...end, ...values.map(shellWord)].join(' ');
}

/** The bytes of a character in octal: a digit that follows cannot be taken for one of them. */
function bytesOf(character: string): string {
  return Array.from(
    new TextEncoder().encode(character),
    (byte) => `\\${byte.toString(8).padStart(3, '0')}`,
  ).join('');
}
