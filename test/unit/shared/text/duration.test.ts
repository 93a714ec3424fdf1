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
  ['1h30m', 5_400_000],
  ['1d12h', 129_600_000],
  ['1m500ms', 60_500],
  ['1h0m0s', 3_600_000],
  ['1.5s', 1_500],
  ['0.1ms', 0],
  ['1.0005s', 1_001],
  ['PT1H', 3_600_000],
  ['PT1H30M', 5_400_000],
  ['PT30M', 1_800_000],
  ['PT1M30S', 90_000],
  ['PT0.5S', 500],
  ['PT0,5S', 500],
  ['P1D', 86_400_000],
  ['P1DT12H', 129_600_000],
  ['P2W', 1_209_600_000],
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
  '.5s',
  '1.s',
  '1,5s',
  '5S',
  '5sec',
  '1h 30m',
  '1h30',
  'h',
  '٥s',
  '1e3s',
  'P',
  'PT',
  'P1DT',
  'P1Y',
  'P1M',
  'PT1D',
  'PT1M1H',
  'P1W1D',
  'P1H',
  'pt1h',
  '-PT1H',
  'PT-1H',
  'P1',
  'PT1',
  'PT1h',
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
