import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isDeeperThan } from '../../../../../shared/text/json/json-depth.ts';

/** The same by recursion over the value. */
function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

describe('the depth of a JSON text', () => {
  it('is deeper than the limit if its value is', () => {
    const value = fc.jsonValue({ maxDepth: 12, depthSize: 'max', stringUnit: 'binary' });
    fc.assert(
      fc.property(value, fc.nat(14), fc.constantFrom(0, 2), (json, limit, indent) => {
        expect(isDeeperThan(JSON.stringify(json, null, indent), limit)).toBe(depthOf(json) > limit);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['a text of brackets', '"[[[{{{"', 0],
    ['an escaped quote before brackets', '["\\"[[["]', 1],
    ['an escaped backslash before the end', '["\\\\",[1]]', 2],
    ['a key of brackets', '{"[[":{"{{":1}}', 2],
    ['an escaped quote by its number', '["\\u0022[[["]', 1],
    ['neighbours', '[[],[],[]]', 2],
    ['nothing', '', 0],
  ])('counts no bracket that is not one: %s', (_what, text, depth) => {
    for (let limit = 0; limit < 4; limit++) expect(isDeeperThan(text, limit)).toBe(depth > limit);
  });

  it('is not counted past the limit, so that a hostile text costs little', () => {
    expect(isDeeperThan('['.repeat(10_000_000), 64)).toBe(true);
  });

  it.each(['[[[', ']]]', '"', '"\\', '}{', '[}'])('of %j, which is not JSON, does not throw', (text) => {
    for (const limit of [0, 1, 2, 3]) expect(isDeeperThan(text, limit)).toBeTypeOf('boolean');
  });
});
