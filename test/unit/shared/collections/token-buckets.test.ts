import { describe, expect, it } from 'vitest';
import { TokenBuckets } from '../../../../shared/collections/token-buckets.ts';

const MINUTE = 60_000;

/** Buckets of one size. */
function bucketsOf(capacity: number) {
  const buckets = new TokenBuckets();
  const size = { capacity, periodMs: MINUTE };
  return { take: (key: string, now: number, tokens?: number) => buckets.take(key, now, size, tokens) };
}

describe('a token bucket', () => {
  it('gives all its tokens at once, and then one for each share of its period', () => {
    const buckets = bucketsOf(3);
    expect([1, 2, 3].map(() => buckets.take('a', 0))).toEqual([0, 0, 0]);
    expect(buckets.take('a', 0)).toBe(20_000);
    expect(buckets.take('a', 19_000)).toBe(1_000);
    expect(buckets.take('a', 20_000)).toBe(0);
    expect(buckets.take('a', 20_000)).toBe(20_000);
  });

  it('is full again after its period, and never holds more', () => {
    const buckets = bucketsOf(7);
    for (const now of [0, MINUTE, 10 * MINUTE]) {
      expect(Array.from({ length: 7 }, () => buckets.take('a', now))).toEqual(Array(7).fill(0));
      expect(buckets.take('a', now)).toBeGreaterThan(0);
    }
  });

  it('is refilled in spite of refused tries', () => {
    const buckets = bucketsOf(1);
    buckets.take('a', 0);
    for (let now = 0; now < MINUTE; now += 1_000) expect(buckets.take('a', now)).toBe(MINUTE - now);
    expect(buckets.take('a', MINUTE)).toBe(0);
  });

  it('belongs to one key; of very many keys the one that was not used for longest is forgotten', () => {
    const buckets = bucketsOf(1);
    buckets.take('first', 0);
    buckets.take('second', 0);
    for (let key = 0; key < 9_999; key++) buckets.take(`other ${key}`, 1);
    expect(buckets.take('second', 1)).toBeGreaterThan(0);
    expect(buckets.take('first', 1)).toBe(0);
  });

  it('gives several tokens together or none of them', () => {
    const buckets = bucketsOf(6);
    expect(buckets.take('a', 0, 4)).toBe(0);
    expect(buckets.take('a', 0, 3)).toBe(10_000);
    expect(buckets.take('a', 0, 2)).toBe(0);
    expect(buckets.take('a', MINUTE, 6)).toBe(0);
  });

  it('T1: is full when the clock was set back, and goes on from there', () => {
    const buckets = bucketsOf(3);
    const hour = 60 * MINUTE;
    for (let n = 0; n < 4; n++) buckets.take('a', hour);
    expect([1, 2, 3].map(() => buckets.take('a', 0))).toEqual([0, 0, 0]);
    expect(buckets.take('a', 0)).toBe(20_000);
    expect(buckets.take('a', 20_000)).toBe(0);
  });

  it('gives nothing to a request whose clock is behind: in a Worker each has its own, which stands still between its I/O', () => {
    const buckets = bucketsOf(3);
    for (let n = 0; n < 3; n++) buckets.take('a', MINUTE);
    expect(buckets.take('a', MINUTE - 500)).toBe(20_500);
    expect(buckets.take('a', MINUTE)).toBe(20_000);
  });

  it('may change its size: what was taken stays taken, as a part of the whole', () => {
    const buckets = new TokenBuckets();
    expect(buckets.take('a', 0, { capacity: 2, periodMs: MINUTE })).toBe(0);
    const larger = { capacity: 10, periodMs: MINUTE };
    expect(Array.from({ length: 6 }, () => buckets.take('a', 0, larger))).toEqual([0, 0, 0, 0, 0, 6_000]);
  });
});
