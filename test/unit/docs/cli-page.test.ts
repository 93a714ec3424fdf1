import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cliPage } from '../../../scripts/cli-page/page.ts';

const ROOT = join(import.meta.dirname, '../../..');

it('docs/CLI.md is what the program says: `npm run cli-page` writes it', async () => {
  expect(await readFile(join(ROOT, 'docs/CLI.md'), 'utf8')).toBe(await cliPage());
});

it('docs/CLI.md names every cause that the doctor knows', async () => {
  const source = await readFile(join(ROOT, 'cli/operate/cause.ts'), 'utf8');
  const [, union = ''] = /type CauseCode =([^;]*);/.exec(source) ?? [];
  const codes = [...union.matchAll(/'([a-z-]+)'/g)].map(([, code = '']) => code);
  const page = await readFile(join(ROOT, 'docs/CLI.md'), 'utf8');
  const harmless = ['cancelled', 'succeeded'];
  expect(codes.length).toBeGreaterThan(20);
  expect(codes.filter((code) => !harmless.includes(code) && !page.includes(`\`${code}\``))).toEqual([]);
});
