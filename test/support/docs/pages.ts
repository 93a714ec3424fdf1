/** The pages of the project, and the code blocks in them. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const ROOT = path.join(import.meta.dirname, '../../..');

/** A code block with its fence: three backticks, the language, and words that say how it is tested. */
export interface Block {
  readonly page: string;
  /** The line of its fence. */
  readonly line: number;
  /** Empty for a picture, or for what a command prints. */
  readonly language: string;
  /** What follows the language in the fence. The first one is a name, or the file that a reader makes of the block. */
  readonly words: readonly string[];
  readonly text: string;
}

/** Where pages for people are. The pages of packages and templates are about another folder than this one. */
const FOLDERS = ['*.md', 'docs/**/*.md', 'deploy/**/*.md'];

/** The paths of all pages, from the project's folder. */
export const PAGES: readonly string[] = globSync(FOLDERS, { cwd: ROOT }).toSorted();

/** The pages that go with the packages, and the one of a new project. */
export const SHIPPED: readonly string[] = globSync(
  ['scripts/packages/readme/*.md', 'create/template/README.md'],
  { cwd: ROOT },
).toSorted();

export function textOf(page: string): string {
  return readFileSync(path.join(ROOT, page), 'utf8');
}

/** The page without its code blocks. */
export function proseOf(page: string): string {
  return textOf(page).replaceAll(/^( *)```.*?^\1```/gms, '');
}

/** The code blocks of a page, in order. Those inside a list are indented. */
export function blocksOf(page: string): Block[] {
  const text = textOf(page);
  return [...text.matchAll(/^( *)```([^\n]*)\n(.*?)^\1```$/gms)].map((match) => {
    const [, indent = '', info = '', body = ''] = match;
    const [language = '', ...words] = info.trim().split(/\s+/);
    return {
      page,
      line: text.slice(0, match.index).split('\n').length,
      language,
      words,
      text: body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    };
  });
}

/**
 * The one block of a page with this fence.
 * @param info the language and the name, such as `sh call`
 */
export function blockOf(page: string, info: string): string {
  const [block, ...others] = blocksOf(page).filter(
    ({ language, words }) => [language, ...words].join(' ') === info,
  );
  if (block === undefined || others.length > 0) throw new Error(`${page} has not one block "${info}"`);
  return block.text;
}

/** The file that a reader makes of the block; undefined if the block is not a file. */
export function fileOf({ words }: Block): string | undefined {
  return words[0]?.includes('.') === true ? words[0] : undefined;
}
