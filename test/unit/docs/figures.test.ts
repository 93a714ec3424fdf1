import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { tableSvg } from '../../../bench/suite/svg.ts';
import { type MeasuredTable, picturesIn, tablesIn, withFigures } from '../../../scripts/figures/page.ts';

const ROOT = new URL('../../../', import.meta.url);
const read = (file: string): string => readFileSync(new URL(file, ROOT), 'utf8');
const MEASURED = JSON.parse(read('docs/figures/figures.json')) as Readonly<Record<string, MeasuredTable>>;
const PAGE = read('docs/PERFORMANCE.md');

it('docs/PERFORMANCE.md has the figures that were measured: `npm run figures` writes them', () => {
  expect(withFigures(PAGE, MEASURED)).toBe(PAGE);
});

it('docs/PERFORMANCE.md shows every table that was measured', () => {
  expect(tablesIn(PAGE).toSorted()).toEqual(Object.keys(MEASURED).toSorted());
});

it('each picture is drawn from the figures', () => {
  const shown = picturesIn(`${PAGE}${read('README.md')}`);
  expect(shown.size).toBeGreaterThan(0);
  for (const name of shown) {
    const table = MEASURED[name];
    expect(table && tableSvg(table), name).toBe(read(`docs/figures/${name}.svg`));
  }
});

it('a place for a table that was not measured is an error that names it', () => {
  const page = '<!-- figures: nothing -->\n<!-- end of figures -->';
  expect(() => withFigures(page, {})).toThrow('the table nothing, which was not measured');
});
