import { describe, expect, it } from 'vitest';
import { retryAfterMs } from '../../../../shared/text/retry-after.ts';

/** One second before the date of the examples in RFC 9110, section 5.6.7. */
const NOW = Date.UTC(1994, 10, 6, 8, 49, 36);

describe('Retry-After', () => {
  it.each([
    ['0', 0],
    ['120', 120_000],
    [' 7200 ', 7_200_000],
    ['99999999999', 99_999_999_999_000],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 1_000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 1_000],
    ['Sun Nov  6 08:49:37 1994', 1_000],
    ['Wed Nov 16 08:49:36 1994', 10 * 24 * 60 * 60 * 1_000],
    ['Sun, 06 Nov 1994 08:49:35 GMT', 0],
    ['Sun, 06 Nov 1994 08:49:60 GMT', 24_000],
  ])('of %j is %d ms', (header, ms) => {
    expect(retryAfterMs(header, NOW)).toBe(ms);
  });

  it('with a year of two digits means the next such year, or one of the last 50', () => {
    const now = Date.UTC(2026, 0, 1);
    expect(retryAfterMs('Friday, 01-Jan-27 00:00:00 GMT', now)).toBe(365 * 24 * 60 * 60 * 1_000);
    expect(retryAfterMs('Saturday, 01-Jan-94 00:00:00 GMT', now)).toBe(0);
  });

  it.each([
    null,
    undefined,
    '',
    '-1',
    '1.5',
    '1e3',
    'soon',
    '2026-01-02T03:04:05Z',
    'Sun, 06 Nov 1994 08:49:37 CET',
    'Sun, 06 Nov 1994 99:49:37 GMT',
    'Sun, 00 Nov 1994 08:49:37 GMT',
    'Sunday, 99-Nov-94 08:49:37 GMT',
    'Sun Nov 36 08:61:37 1994',
    'Thu, 31 Nov 1994 08:49:37 GMT',
    'Wednesday, 30-Feb-94 08:49:37 GMT',
  ])('of %j says nothing', (header) => {
    expect(retryAfterMs(header, NOW)).toBeUndefined();
  });
});
