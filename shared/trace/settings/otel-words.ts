import type * as z from 'zod';
import { setting } from '../../config.ts';

/** One of a few words, in any case and with any blanks (specification, "Enum value"); undefined if it is not set. */
export function optionalWord<Word extends string>(
  words: readonly [Word, ...Word[]],
): z.ZodType<Word | undefined, unknown> {
  return setting(ruleOf(words), withoutCase, (value) => value === undefined || isOneOf(words, value));
}

/** One of a few words, as {@link optionalWord} reads it, with a default. */
export function word<Word extends string>(
  words: readonly [Word, ...Word[]],
  fallback: Word,
): z.ZodType<Word, unknown> {
  return setting(
    ruleOf(words),
    (value) => (value === undefined ? fallback : withoutCase(value)),
    (value) => isOneOf(words, value),
  );
}

function ruleOf(words: readonly string[]): string {
  return `must be ${words.join(' or ')}`;
}

function withoutCase(value: unknown): unknown {
  return typeof value === 'string' ? value.toLowerCase().replaceAll(' ', '') : value;
}

function isOneOf<Word extends string>(words: readonly Word[], value: unknown): value is Word {
  return words.some((known) => known === value);
}
