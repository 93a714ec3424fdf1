import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Pattern } from '../../../edge/validation/pattern/pattern.ts';
import { StepBudget } from '../../../edge/validation/step-budget.ts';
import { NO, UNKNOWN, YES } from '../../../edge/validation/verdict.ts';

const PLENTY = 1e9;

function judge(source: string, text: string) {
  return Pattern.compile(source)?.judge(text, new StepBudget(PLENTY));
}

function javaScript(source: string): RegExp | undefined {
  try {
    return new RegExp(source);
  } catch {
    return undefined;
  }
}

/** Patterns of all parts that are read, made at random, with few letters so that texts often fit. */
const source = fc.letrec<{ choice: string; sequence: string; atom: string; quantified: string }>((tie) => ({
  choice: fc.array(tie('sequence'), { minLength: 1, maxLength: 3, depthIdentifier: 'p' }).map((parts) => parts.join('|')),
  sequence: fc.array(tie('quantified'), { maxLength: 4, depthIdentifier: 'p' }).map((parts) => parts.join('')),
  quantified: fc
    .tuple(tie('atom'), fc.constantFrom('', '', '', '*', '+', '?', '{2}', '{0,2}', '{1,}', '*?', '+?', '{1,3}?'))
    .map(([atom, quantifier]) => (/^[$^]$|^\\[bB]$/.test(atom) ? atom : atom + quantifier)),
  atom: fc.oneof(
    { depthIdentifier: 'p', maxDepth: 4 },
    fc.constantFrom('a', 'b', 'c', '.', '[ab]', '[^a]', '\\d', '\\w', '\\s', '[\\w-.]', '\\.', '-', '{', ']', '^', '$', '\\b', '\\x61', '\\u0062'),
    tie('choice').map((inner) => `(${inner})`),
    tie('choice').map((inner) => `(?:${inner})`),
    tie('choice').map((inner) => `(?=${inner})`),
    tie('choice').map((inner) => `(?!${inner})`),
    tie('choice').map((inner) => `(?<=${inner})`),
  ),
})).choice;

const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '1', ' ', '-', '.', '\n', '{', ']', 'é'), maxLength: 12 });

describe('a pattern', () => {
  it('refuses only what JavaScript refuses, and is sure only of what JavaScript accepts', () => {
    let judged = 0;
    fc.assert(
      fc.property(source, text, (pattern, value) => {
        const verdict = judge(pattern, value);
        const fits = javaScript(pattern)?.test(value);
        if (verdict !== undefined && verdict !== UNKNOWN) judged++;
        if (verdict === NO) expect(fits).toBe(false);
        if (verdict === YES) expect(fits).toBe(true);
      }),
      { numRuns: 20_000 },
    );
    console.log(judged);
  });
});
