import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDuration, secondsText } from '../../../../shared/text/duration.ts';

it.each([
  ['500ms', 500],
  ['90s', 90_000],
  ['5m', 300_000],
  ['2h', 7_200_000],
  ['1d', 86_400_000],
  ['0s', 0],
  ['007s', 7_000],
])('%j is %i milliseconds', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

it.each([
  '',
  's',
  '5',
  '5 s',
  ' 5s',
  '5s ',
  '5s\n',
  '-5s',
  '+5s',
  '1.5s',
  '5S',
  '5sec',
  '1h30m',
  '٥s',
  '1e3s',
])('%j is no duration', (text) => {
  expect(parseDuration(text)).toBeUndefined();
});

it.each(['constructor', '5constructor', '5toString', '5__proto__'])(
  '%j is no duration, although objects have it',
  (text) => {
    expect(parseDuration(text)).toBeUndefined();
  },
);

it('a number of more than nine digits is not a duration, so that every duration can be counted', () => {
  fc.assert(
    fc.property(fc.nat(999_999_999), fc.constantFrom('ms', 's', 'm', 'h', 'd'), (count, unit) => {
      const ms = parseDuration(`${count}${unit}`);
      expect(ms).toBeGreaterThanOrEqual(count);
      expect(ms).toBeLessThan(1e17);
    }),
  );
  expect(parseDuration('9999999999ms')).toBeUndefined();
});

describe('a time for people', () => {
  it.each([
    [0, '0 ms'],
    [17.4, '17 ms'],
    [1_500, '1.5 s'],
    [61_000, '1 min 1 s'],
    [3_600_000, '60 min 0 s'],
  ])('of %d ms is %s', (ms, text) => {
    expect(secondsText(ms)).toBe(text);
  });
});
