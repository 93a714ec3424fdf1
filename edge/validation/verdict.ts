/**
 * Whether a value keeps a rule. `UNKNOWN` stands for what cannot be said for certain: a keyword that is not known here, a
 * pattern that is only read in part, a budget that is spent. The order makes the lower of two verdicts their "and", and
 * the higher one their "or" (Kleene's three-valued logic). So a schema is broken for certain only if the whole says `NO`.
 */
export type Verdict = typeof NO | typeof UNKNOWN | typeof YES;
export const NO = 0;
export const UNKNOWN = 1;
export const YES = 2;

export const verdictOf = (kept: boolean): Verdict => (kept ? YES : NO);

export const not = (verdict: Verdict): Verdict => (2 - verdict) as Verdict;

export const and = (a: Verdict, b: Verdict): Verdict => (a < b ? a : b);

/** A verdict that counts only if a condition holds, which is not certain. */
export const perhaps = (verdict: Verdict): Verdict => (verdict === NO ? UNKNOWN : verdict);
