import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inBothCases } from '../../../../../worker-node/operations/input-check/letter-case.ts';

/** Letters of ASCII, others that have them as their other case in some languages, and more. */
const CHARACTERS = [...'aAbBkKsSzZ09-_^.! \n', 'é', 'É', 'ß', '\u017f', '\u212a', '\u0131', '\u0130'];

describe('a pattern without regard to case', () => {
  it.each([
    ['^a', '^[aA]'],
    ['\\n\\(a\\)', '\\n\\([aA]\\)'],
    ['[a-c1]', '[ABCa-c1]'],
    ['[^b]', '[^Bb]'],
    ['[-a]', '[A\\-a]'],
    ['[\\w-.]', '[\\w-.]'],
    ['(?<id>a){2}', '(?<id>[aA]){2}'],
  ])('%s is %s', (source, expected) => {
    expect(inBothCases(source)).toBe(expected);
  });

  it.each(['é', '\\x61', '\\u0061', '(a)\\1', '(?<a>b)\\k<a>', '\\cA'])(
    'is not written if it is %s',
    (source) => {
      expect(inBothCases(source)).toBeUndefined();
    },
  );

  it('fits the same texts as with the flag', () => {
    const atom = fc.constantFrom(
      'a',
      'K',
      's',
      '.',
      '\\w',
      '\\W',
      '\\S',
      '[a-c]',
      '[^a-c]',
      '[A-z]',
      '[^K]',
      '[!-a]',
      '[-s]',
      '[\\W]',
      '[^\\w]',
      '[s-]',
      '[\\]a]',
      '(?:a|B)',
      '(?=k)k',
      '(?!s).',
      '[]',
      '[^]',
      '\\.',
      '-',
    );
    const source = fc.array(fc.tuple(atom, fc.constantFrom('', '*', '+', '?', '{2}')), { maxLength: 3 });
    const text = fc.string({ unit: fc.constantFrom(...CHARACTERS), maxLength: 4 });
    fc.assert(
      fc.property(source, text, (parts, value) => {
        const pattern = `^${parts.flat().join('')}$`;
        const written = inBothCases(pattern) ?? 'not written';
        expect([pattern, new RegExp(written).test(value)]).toEqual([
          pattern,
          new RegExp(pattern, 'i').test(value),
        ]);
      }),
      { numRuns: 2_000 },
    );
  });
});
