import { describe, expect, it } from 'vitest';
import { isoTime } from '../../../../shared/text/iso-time.ts';

const TIMES = [0, 1, 999, 1_000, -1, -1_000, -62_198_755_200_000, 253_402_300_800_000, 8.64e15, -8.64e15];

describe('a time as ISO 8601', () => {
  it('is what Date writes, within a second and across it, before 1970 and in other millennia', () => {
    const now = Date.UTC(2026, 10, 28, 17, 32, 46, 998);
    for (const ms of [...TIMES, now, now + 1, now + 2, now + 1, now - 60_000])
      expect(isoTime(ms)).toBe(new Date(ms).toISOString());
  });

  it('throws what Date throws, and is right afterwards', () => {
    expect(() => isoTime(Number.NaN)).toThrow(RangeError);
    expect(() => isoTime(8.64e15 + 1_000)).toThrow(RangeError);
    expect(isoTime(1_500)).toBe('1970-01-01T00:00:01.500Z');
  });
});
