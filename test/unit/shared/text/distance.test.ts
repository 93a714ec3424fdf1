import { expect, it } from 'vitest';
import { distance } from '../../../../shared/text/distance.ts';

it.each([
  ['', '', 0],
  ['', 'abc', 3],
  ['report.make', 'report.make', 0],
  ['report.mak', 'report.make', 1],
  ['raport.make', 'report.make', 1],
  ['reprot.make', 'report.make', 2],
  ['kitten', 'sitting', 3],
  ['saturday', 'sunday', 3],
  ['x'.repeat(100), `y${'x'.repeat(98)}y`, 2],
])('%s and %s differ in %i letters, in both directions', (one, other, letters) => {
  expect([distance(one, other), distance(other, one)]).toEqual([letters, letters]);
});
