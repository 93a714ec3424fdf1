import { globSync } from 'node:fs';
import path from 'node:path';
import { blocksOf } from '../../support/docs/pages.ts';

/** The pages whose readers have installed the packages. */
const PAGES = ['docs/PACKAGES.md', ...globSync('scripts/packages/readme/*.md')];

/** The TypeScript of the pages, as files of a project: those for workerd apart, because its types differ from those of Node. */
export function examples(): { readonly file: string; readonly text: string }[] {
  const blocks = PAGES.flatMap(blocksOf).filter(({ language }) => language === 'ts');
  return blocks.map(({ page, line, text }) => {
    const runtime = text.includes('@throughline/edge') ? 'workerd' : 'node';
    return { file: `pages/${runtime}/${path.parse(page).name}-${line}.ts`, text };
  });
}
