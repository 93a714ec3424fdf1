import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitLookaheads } from '../../../../../worker-node/operations/input-check/lookaheads.ts';

describe('a pattern with negative lookaheads at its start', () => {
  it.each([
    ['^(?!a)b', '^b', ['^(?:a)']],
    ['^(?!a|b)(?!(?:c|d)$)[a-z]+$', '^[a-z]+$', ['^(?:a|b)', '^(?:(?:c|d)$)']],
    ['^(?!a)', '^', ['^(?:a)']],
    ['^(?!\\))b', '^b', ['^(?:\\))']],
    ['^(?![)(])b', '^b', ['^(?:[)(])']],
    ['^(?!a)(b|c)', '^(b|c)', ['^(?:a)']],
  ])('is taken apart: %s', (source, rest, forbidden) => {
    expect(splitLookaheads(source)).toEqual({ rest, forbidden });
  });

  it.each(['^a', '(?!a)b', '^(?=a)b', '^(?!a)b|c', '^(?!a)*b', '^(?!a){2}b', '^b(?!a)', 'x|^(?!a)b'])(
    'stays whole if its parts would mean something else: %s',
    (source) => {
      expect(splitLookaheads(source)).toEqual({ rest: source, forbidden: [] });
    },
  );

  it('fits the same texts in one piece and in parts', () => {
    const part = fc.constantFrom('a', 'b|c', '[)(|]', '(?:a|b)c', '.*c$', '\\(', '$', 'a(b)?');
    const rest = fc.constantFrom('', '.', '[a-c]+$', '(b|c)', '.*c');
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '(', ')', '|'), maxLength: 4 });
    fc.assert(
      fc.property(fc.array(part, { maxLength: 3 }), rest, text, (parts, end, value) => {
        const source = `^${parts.map((inner) => `(?!${inner})`).join('')}${end}`;
        const split = splitLookaheads(source);
        expect(split.forbidden).toHaveLength(parts.length);
        const fits =
          new RegExp(split.rest).test(value) &&
          !split.forbidden.some((forbidden) => new RegExp(forbidden).test(value));
        expect(fits).toBe(new RegExp(source).test(value));
      }),
    );
  });
});
