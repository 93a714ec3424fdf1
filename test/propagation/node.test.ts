import { expect, test } from 'vitest';
import { extract, inject } from '../../shared/propagation/index.ts';
import { cases } from './suite.ts';
import { reader, TRACEPARENT } from './support.ts';

for (const { name, run } of cases) test(name, run);

test('no two rules have the same name', () => {
  expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
});

// In Node only: the clock of workerd stands still while code runs.
const SIZE = 100_000;
const HOSTILE = [
  'x',
  ' ',
  '\t',
  ',',
  ', ',
  '=',
  ';',
  '%',
  '%f',
  '%ff',
  'a=',
  'a=1,',
  'a=1;',
  'a=;',
  ' =',
  '-',
  '0',
  '@',
];

test.each(HOSTILE)('100 kB of %j in every field take linear time', (piece) => {
  const text = `a=1;${piece.repeat(SIZE / piece.length)}!`;
  const row = { traceparent: `${TRACEPARENT}${text}`, tracestate: text, baggage: text };
  const start = performance.now();
  for (const headers of [row, { ...row, traceparent: TRACEPARENT }]) inject(extract(reader(headers)).context);
  // Linear time is a few milliseconds. Quadratic is minutes.
  expect(performance.now() - start).toBeLessThan(10_000);
});
