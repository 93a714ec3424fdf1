import { readFile, stat } from 'node:fs/promises';
import { expect, it } from 'vitest';
import manifest from '../../../package.json' with { type: 'json' };
import { blocksOf } from '../../support/docs/pages.ts';

it('npx finds the program of the checkout executable: it would make it so, and leave a change', async () => {
  const { mode } = await stat(manifest.bin.throughline);
  expect(mode & 0o111).toBe(0o111);
});

it('git ignores the folders of the files that README tells its readers to save', async () => {
  const ignored = (await readFile('.gitignore', 'utf8')).split('\n');
  const files = blocksOf('README.md').flatMap(({ words }) =>
    words.filter((word) => /^\w+\/.+\.ts$/.test(word)),
  );
  expect(files).not.toEqual([]);
  for (const file of files) expect(ignored).toContain(`/${file.split('/')[0]}/`);
});
