import { expect, it } from 'vitest';
import { hrTime, readTime } from '../../../../worker-node/broker-spans/time.ts';

it.each([
  ['2026-11-26T22:09:34.319138923Z', 1795730974_319138923n],
  ['2026-11-26T23:09:34.319138923+01:00', 1795730974_319138923n],
  ['2026-11-26T22:09:34.5Z', 1795730974_500000000n],
  ['2026-11-26T22:09:34Z', 1795730974_000000000n],
])('%s keeps all of its digits, and its zone', (text, ns) => {
  expect(readTime(text)).toBe(ns);
  expect(hrTime(ns)).toEqual([1795730974, Number(ns % 1_000_000_000n)]);
});

it.each([
  '',
  'now',
  '2026-11-26',
  '2026-11-26T22:09:34',
  '2026-13-26T22:09:34Z',
  '2026-11-26T22:09:34.1234567890Z',
  '1969-12-31T23:59:59Z',
  '0001-01-01T00:00:00Z',
  '2262-04-12T00:00:00Z',
  '9999-12-31T23:59:59Z',
])('%j is no time that a span can have', (text) => {
  expect(readTime(text)).toBeUndefined();
});
