/** `npm run figures`: writes the tables of docs/figures/figures.json into docs/PERFORMANCE.md, and draws the pictures. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tableSvg } from '../bench/suite/svg.ts';
import { type MeasuredTable, picturesIn, withFigures } from './figures/page.ts';

const ROOT = join(import.meta.dirname, '..');
const PAGE = join(ROOT, 'docs/PERFORMANCE.md');
const FIGURES = join(ROOT, 'docs/figures');

const measured = JSON.parse(await readFile(join(FIGURES, 'figures.json'), 'utf8')) as Record<
  string,
  MeasuredTable
>;
const page = await readFile(PAGE, 'utf8');
await writeFile(PAGE, withFigures(page, measured));
for (const name of picturesIn(`${page}${await readFile(join(ROOT, 'README.md'), 'utf8')}`)) {
  const table = measured[name];
  if (table === undefined) throw new Error(`a page shows the picture ${name}, which was not measured`);
  await writeFile(join(FIGURES, `${name}.svg`), tableSvg(table));
}
