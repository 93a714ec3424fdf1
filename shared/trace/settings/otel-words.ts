import * as z from 'zod';

/** One of a few words, in any case and with any blanks (specification, "Enum value"); undefined if it is not set. */
export function optionalWord<Word extends string>(words: readonly [Word, ...Word[]]) {
  const lower = (value: unknown): unknown =>
    typeof value === 'string' ? value.toLowerCase().replaceAll(' ', '') : value;
  return z.preprocess(lower, z.enum(words, `must be ${words.join(' or ')}`).optional());
}

/** One of a few words, as {@link optionalWord} reads it, with a default. */
export function word<Word extends string>(words: readonly [Word, ...Word[]], fallback: Word) {
  return optionalWord(words).transform((given) => given ?? fallback);
}
