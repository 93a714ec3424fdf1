import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { blocksOf, fileOf, PAGES, ROOT } from '../support/docs/pages.ts';
import { CONTEXTS, HISTORY, RUN_ELSEWHERE } from '../support/docs/tested-by.ts';

const TSC = path.join(ROOT, 'node_modules/.bin/tsc');
const SETTINGS = {
  extends: '../../tsconfig.json',
  compilerOptions: {
    lib: ['ESNext', 'DOM', 'DOM.Iterable'],
    types: ['node'],
    // A fragment declares what its page uses later.
    noUnusedLocals: false,
  },
  include: ['**/*.ts'],
};

const blocks = PAGES.filter((page) => !HISTORY.includes(page) && RUN_ELSEWHERE[page] === undefined)
  .flatMap(blocksOf)
  .filter(({ language }) => language === 'ts');

/** What the compiler says about these sources, each a module of its own. */
async function complaints(sources: Readonly<Record<string, string>>): Promise<string> {
  await mkdir(path.join(ROOT, '.throughline'), { recursive: true });
  const folder = await mkdtemp(path.join(ROOT, '.throughline/types-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(path.join(folder, 'tsconfig.json'), JSON.stringify(SETTINGS));
  for (const [name, text] of Object.entries(sources)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), `${text}\nexport {};\n`);
  }
  return await promisify(execFile)(TSC, ['-p', folder]).then(
    () => '',
    ({ stdout }: { stdout: string }) => stdout.replaceAll(`${path.relative(ROOT, folder)}/`, ''),
  );
}

it('every block of TypeScript in the pages compiles', async () => {
  expect(blocks.length).toBeGreaterThan(5);
  const sources = blocks.map((block) => {
    const name = fileOf(block) ?? `line-${block.line}.ts`;
    return [path.join(block.page, name), `${CONTEXTS[block.page] ?? ''}${block.text}`] as const;
  });
  expect(await complaints(Object.fromEntries(sources))).toBe('');
});

it('a wrong block does not compile', async () => {
  expect(
    await complaints({
      'wrong.ts': `import { defineOperation } from 'throughline/worker';\ndefineOperation(1);`,
    }),
  ).toContain('wrong.ts');
});
