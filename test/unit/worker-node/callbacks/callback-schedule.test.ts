import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CallbackSchedule, pauseAfter } from '../../../../worker-node/callbacks/callback-schedule.ts';
import { workerConfig } from '../../../../worker-node/config.ts';

const HOUR_MS = 3_600_000;
const { CALLBACK_MAX_ATTEMPTS, CALLBACK_RETRY_MIN_MS, CALLBACK_RETRY_MAX_MS } = workerConfig({});
const DEFAULT: CallbackSchedule = {
  maxAttempts: CALLBACK_MAX_ATTEMPTS,
  firstMs: CALLBACK_RETRY_MIN_MS,
  maxMs: CALLBACK_RETRY_MAX_MS,
};
const ALMOST_ONE = 1 - Number.EPSILON / 2;

const total = (random: number): number =>
  Array.from({ length: DEFAULT.maxAttempts - 1 }, (_, index) =>
    pauseAfter(index + 1, DEFAULT, 0, random),
  ).reduce((sum, pause) => sum + pause);

describe('the pauses between deliveries', () => {
  it('begin with seconds, and take 12 to 25 hours together by default, whatever the random numbers', () => {
    expect(pauseAfter(1, DEFAULT, 0, ALMOST_ONE)).toBe(5_000);
    expect(pauseAfter(7, DEFAULT, 0, ALMOST_ONE)).toBe(20 * HOUR_MS);
    expect(total(0)).toBeGreaterThan(12 * HOUR_MS);
    expect(total(ALMOST_ONE)).toBeLessThan(25.5 * HOUR_MS);
  });

  it('are whole numbers within bounds, and grow with the attempts', () => {
    const schedule = fc.record({
      maxAttempts: fc.integer({ min: 1, max: 100 }),
      firstMs: fc.integer({ min: 1, max: 86_400_000 }),
      maxMs: fc.integer({ min: 1, max: 86_400_000 }),
    });
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(schedule, fc.integer({ min: 1, max: 300 }), random, (any, attempt, luck) => {
        const pause = pauseAfter(attempt, any, 0, luck);
        const next = pauseAfter(attempt + 1, any, 0, luck);
        expect(Number.isSafeInteger(pause)).toBe(true);
        expect(pause).toBeLessThanOrEqual(Math.max(any.firstMs, any.maxMs));
        expect(next).toBeGreaterThanOrEqual(pause);
      }),
    );
  });

  it('are not shorter than the receiver asks for, and not longer than the maximum', () => {
    expect(pauseAfter(1, DEFAULT, 60_000, 0.5)).toBe(60_000);
    expect(pauseAfter(1, DEFAULT, 1, 0.5)).toBe(3_750);
    expect(pauseAfter(1, DEFAULT, 90 * HOUR_MS, 0.5)).toBe(20 * HOUR_MS);
  });
});
