import { NO, UNKNOWN, YES } from '../verdict.ts';
import { isCount, type RuleMaker, simpleRule } from './rule-maker.ts';
import { mustHave, mustMatch } from './sentences.ts';

/** It takes longer to match a text of this length than to look up its verdict. */
const LONG_TEXT = 256;

/*
 * Some libraries count the characters of a text (JSON Schema says so), others its UTF-16 units. A text breaks a limit for
 * certain only if it breaks it by both counts.
 */

export const minLength: RuleMaker = (limit) => {
  if (!isCount(limit)) return undefined;
  return simpleRule(
    (value, run) => {
      if (typeof value !== 'string') return YES;
      if (value.length < limit) return NO;
      if (value.length >= 2 * limit) return YES;
      run.budget.spend(value.length / 64);
      return characters(value) >= limit ? YES : UNKNOWN;
    },
    () => mustHave('at least', limit, 'character'),
  );
};

export const maxLength: RuleMaker = (limit) => {
  if (!isCount(limit)) return undefined;
  return simpleRule(
    (value, run) => {
      if (typeof value !== 'string' || value.length <= limit) return YES;
      if (value.length > 2 * limit) return NO;
      run.budget.spend(value.length / 64);
      return characters(value) > limit ? NO : UNKNOWN;
    },
    () => mustHave('at most', limit, 'character'),
  );
};

export const pattern: RuleMaker = (source, { format }, reader) => {
  const compiled = typeof source === 'string' ? reader.patterns.compile(source) : undefined;
  if (typeof source !== 'string' || compiled === undefined) return undefined;
  return simpleRule(
    (value, run) => {
      if (typeof value !== 'string') return YES;
      const judge = () => compiled.judge(value, run.budget);
      return value.length < LONG_TEXT ? judge() : run.once(compiled, value, judge);
    },
    () => mustMatch(source, format),
  );
};

function characters(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length - 1; i++) {
    const isHigh = (text.charCodeAt(i) & 0xfc00) === 0xd800;
    if (isHigh && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      count--;
      i++;
    }
  }
  return count;
}
