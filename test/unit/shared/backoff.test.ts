import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoff, backoffCeiling, equalJitter } from '../../../shared/backoff.ts';

const policy = fc
  .tuple(fc.integer({ min: 0, max: 60_000 }), fc.integer({ min: 1, max: 86_400_000 }))
  .map(([a, b]) => ({ firstMs: Math.min(a, b), maxMs: Math.max(a, b) }));
const attempt = fc.integer({ min: 1, max: 2_000 });
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const ALMOST_ONE = 1 - Number.EPSILON / 2;

describe('the pause after an attempt', () => {
  it('is a whole number of milliseconds from 0 to its ceiling', () => {
    fc.assert(
      fc.property(attempt, policy, random, (number, limits, luck) => {
        const pause = backoff(number, limits, luck);
        expect(Number.isSafeInteger(pause)).toBe(true);
        expect(pause).toBeGreaterThanOrEqual(0);
        expect(pause).toBeLessThanOrEqual(backoffCeiling(number, limits));
      }),
    );
  });

  it('may be any of these numbers', () => {
    fc.assert(
      fc.property(attempt, policy, (number, limits) => {
        expect(backoff(number, limits, 0)).toBe(0);
        expect(backoff(number, limits, ALMOST_ONE)).toBe(backoffCeiling(number, limits));
      }),
    );
  });

  it('grows with the random number', () => {
    fc.assert(
      fc.property(attempt, policy, random, random, (number, limits, a, b) => {
        expect(backoff(number, limits, Math.min(a, b))).toBeLessThanOrEqual(
          backoff(number, limits, Math.max(a, b)),
        );
      }),
    );
  });
});

describe('the ceiling of a pause', () => {
  it('never falls from one attempt to the next, and never passes the maximum', () => {
    fc.assert(
      fc.property(attempt, policy, (number, limits) => {
        const ceiling = backoffCeiling(number, limits);
        expect(backoffCeiling(number + 1, limits)).toBeGreaterThanOrEqual(ceiling);
        expect(ceiling).toBeLessThanOrEqual(limits.maxMs);
      }),
    );
  });

  it.each([
    [1, 100],
    [2, 200],
    [3, 400],
    [6, 3_200],
    [7, 5_000],
    [1_000_000, 5_000],
  ])('doubles: after attempt %i it is %i ms', (number, ceiling) => {
    expect(backoffCeiling(number, { firstMs: 100, maxMs: 5_000 })).toBe(ceiling);
  });
});

describe('a pause with equal jitter', () => {
  it('is from half of the longest pause to all of it', () => {
    expect(equalJitter(1_000, 0)).toBe(500);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 86_400_000 }), random, (longestMs, luck) => {
        expect(equalJitter(longestMs, luck)).toBeGreaterThanOrEqual(longestMs / 2);
        expect(equalJitter(longestMs, luck)).toBeLessThanOrEqual(longestMs);
      }),
    );
  });
});
