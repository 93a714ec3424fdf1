import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { Pattern } from '../../../edge/validation/pattern/pattern.ts';
import { StepBudget } from '../../../edge/validation/step-budget.ts';
import { NO, UNKNOWN, YES } from '../../../edge/validation/verdict.ts';

const PLENTY = 1e9;
const SAMPLES = [
  '',
  'a',
  'somebody@example.com',
  'some.body@a-b.example.com',
  'a..b@example.com',
  '123e4567-e89b-12d3-a456-426614174000',
  '2026-01-02T03:04:05Z',
  '2024-02-29',
  '2023-02-29',
  '03:04:05',
  'P1DT2H',
  '192.168.0.1',
  '192.168.0.256',
  '10.0.0.0/8',
  '::1',
  'fe80::1/64',
  'YWJj',
  'YQ==',
  'EUR',
  'XYZ',
  '4111-1111-1111-1111',
  'DE89370400440532013000',
  '+4915112345678',
  '12.5',
  'true',
  'a.example',
  '0'.repeat(64),
];

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
  choice: fc
    .array(tie('sequence'), { minLength: 1, maxLength: 3, depthIdentifier: 'p' })
    .map((parts) => parts.join('|')),
  sequence: fc
    .array(tie('quantified'), { maxLength: 4, depthIdentifier: 'p' })
    .map((parts) => parts.join('')),
  quantified: fc
    .tuple(
      tie('atom'),
      fc.constantFrom('', '', '', '', '*', '+', '?', '{2}', '{0,2}', '{1,}', '*?', '+?', '{1,3}?'),
    )
    .map(([atom, quantifier]) => (/^[$^]$|^\\[bB]$/.test(atom) ? atom : atom + quantifier)),
  atom: fc.oneof(
    { depthIdentifier: 'p', maxDepth: 4 },
    fc.constantFrom(
      'a',
      'b',
      'c',
      '.',
      '[ab]',
      '[^a]',
      '\\d',
      '\\w',
      '\\s',
      '[\\w-.]',
      '\\.',
      '-',
      '{',
      ']',
      '^',
      '$',
      '\\b',
      '\\x61',
      '\\u0062',
    ),
    tie('choice').map((inner) => `(${inner})`),
    tie('choice').map((inner) => `(?:${inner})`),
    tie('choice').map((inner) => `(${inner})`),
    tie('choice').map((inner) => `(?:${inner})`),
    tie('choice').map((inner) => `(?=${inner})`),
    tie('choice').map((inner) => `(?!${inner})`),
    tie('choice').map((inner) => `(?<=${inner})`),
  ),
})).choice;

const text = fc.string({
  unit: fc.constantFrom('a', 'b', 'c', '1', ' ', '-', '.', '\n', '{', ']', 'é'),
  maxLength: 12,
});

describe('a pattern', () => {
  it('refuses only what JavaScript refuses, and is sure only of what JavaScript accepts', () => {
    const verdicts: (number | undefined)[] = [];
    fc.assert(
      fc.property(source, text, (pattern, value) => {
        const verdict = judge(pattern, value);
        const fits = javaScript(pattern)?.test(value);
        verdicts.push(verdict);
        if (verdict === NO) expect(fits).toBe(false);
        if (verdict === YES) expect(fits).toBe(true);
      }),
      { numRuns: 3_000 },
    );
    const share = (verdict: number) => verdicts.filter((one) => one === verdict).length / verdicts.length;
    expect(Math.min(share(NO), share(YES))).toBeGreaterThan(0.05);
  });

  const OF_ZOD = Object.entries({ ...z.regexes, datetime: z.regexes.datetime({}), time: z.regexes.time({}) });
  it.each(
    OF_ZOD.filter((entry): entry is [string, RegExp] => entry[1] instanceof RegExp && entry[1].flags === ''),
  )('of zod is read: %s', (_name, pattern) => {
    for (const sample of SAMPLES) {
      const verdict = judge(pattern.source, sample);
      if (verdict !== UNKNOWN) expect([sample, verdict === YES]).toEqual([sample, pattern.test(sample)]);
      expect(verdict).toBeDefined();
    }
  });

  it.each([
    ['that JavaScript does not read', '('],
    ['with a reference to a group', '(a)\\1'],
    ['with a reference to a named group', '(?<a>a)\\k<a>'],
    ['with a property of Unicode', '\\p{L}'],
    ['with a code point', '\\u{61}'],
    ['with a character beyond the basic plane', '[😀]'],
    ['with half a character', '\\ud83d'],
    ['with a control character by its letter', '\\cA'],
    ['with an octal number', '\\01'],
    ['with a letter escaped for no reason', '\\Z'],
    ['with flags inside', '(?i:a)'],
    ['of four thousand characters and one', 'a'.repeat(4_001)],
    ['with groups nested deeply', `${'('.repeat(60)}a${')'.repeat(60)}`],
    ['with too many states', Array(2_001).fill('.').join('')],
  ])('%s is not judged', (_what, pattern) => {
    expect(judge(pattern, 'a')).toBeUndefined();
  });

  it.each([
    ['a count that is too large to be kept', '^a{5000}$', 'aa', UNKNOWN],
    ['the same, if even one is missing', '^a{5000}$', 'b', NO],
    ['counts of counts', '^(?:(?:a{50}){50}){50}$', 'b', NO],
    ['a lookahead, which is left out', '^(?=b)a', 'a', UNKNOWN],
    ['a word boundary, which is left out', 'a\\bc', 'ac', UNKNOWN],
    ['a brace that is no count', '^a{,2}$', 'a{,2}', YES],
    ['the end of an empty text', '^$', '', YES],
    ['an end before the start', '$^', '', YES],
    ['a choice of start and end', '^a|$', 'b', YES],
    ['nothing at all', '', 'a', YES],
    ['a class of nothing', '[]', 'a', NO],
    ['a line break and a dot', '^.$', '\n', NO],
    ['a text beyond the basic plane', 'a', 'b😀', UNKNOWN],
  ])('%s', (_what, pattern, value, verdict) => {
    expect(judge(pattern, value)).toBe(verdict);
  });

  it('stops when the budget is spent', () => {
    const budget = new StepBudget(100);
    expect(Pattern.compile('^(a+)+$')?.judge('a'.repeat(100_000), budget)).toBe(UNKNOWN);
    expect(budget.spent).toBeLessThan(3_000);
  });
});
