import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Block, blocksOf, fileOf, PAGES, ROOT } from '../../support/docs/pages.ts';
import { HISTORY, NOT_RUN, OTHER_LANGUAGES, RUN_ELSEWHERE } from '../../support/docs/tested-by.ts';

const blocks = PAGES.filter((page) => !HISTORY.includes(page)).flatMap(blocksOf);
const place = ({ page, line }: Block): string => `${page}:${line}`;
const inLanguage = (language: string): Block[] => blocks.filter((block) => block.language === language);

/** A line that a reader would type. */
const COMMAND =
  /^ *(?:\$ |[A-Z_]+=\S+ )*(?:npm|npx|throughline|curl|node|nats|nats-server|docker|systemctl|wrangler) \S/m;

describe('a code block of a page', () => {
  it('is found in every page that has one', () => {
    expect(blocks.length).toBeGreaterThan(30);
    expect(blocks.find(({ page, words }) => page === 'README.md' && words[0] === 'call')?.text).toContain(
      'npx throughline submit',
    );
  });

  it('has a language that a test looks at, or holds no command', () => {
    const known = ['sh', 'ts', 'json', ''];
    const strange = blocks.filter((block) => !known.includes(block.language) && !isTested(block));
    expect(strange.map(place)).toEqual([]);
    expect(
      inLanguage('')
        .filter(({ text }) => COMMAND.test(text))
        .map(place),
    ).toEqual([]);
  });

  it('is valid JSON if it says so', () => {
    const broken = inLanguage('json').filter(({ text }) => !isJson(text));
    expect(broken.map(place)).toEqual([]);
  });

  it('is run, or the list says why it cannot be', () => {
    const notRun = inLanguage('sh').filter(({ words }) => words.includes('not-run'));
    expect([...new Set(notRun.map(({ page }) => page))].toSorted()).toEqual(Object.keys(NOT_RUN).toSorted());
  });

  it('is run by CI if it says so', () => {
    const lines = readFileSync(path.join(ROOT, '.ci/run'), 'utf8').split('\n');
    const commands = inLanguage('sh')
      .filter(({ words }) => words.includes('by-ci'))
      .flatMap(({ text }) => text.split('\n').map((line) => line.replace(/#.*$/, '')))
      .flatMap((line) => line.split('&&').map((command) => command.trim()))
      .filter((command) => command !== '');
    expect(commands).toContain('npm run demo');
    expect(commands.filter((command) => !lines.includes(command))).toEqual([]);
  });

  it.each(Object.entries({ ...RUN_ELSEWHERE, ...OTHER_LANGUAGES }))('of %s is tested by %s', (what, file) => {
    const [page = ''] = what.split(' ');
    expect(PAGES).toContain(page);
    expect(readFileSync(path.join(ROOT, file), 'utf8')).toContain(page);
  });
});

function isTested(block: Block): boolean {
  const { page, language } = block;
  if (RUN_ELSEWHERE[page] !== undefined) return true;
  const file = OTHER_LANGUAGES[`${page} ${language}`];
  if (file !== undefined) return existsSync(path.join(ROOT, file));
  // A reader saves it, and a command of the page runs it.
  const saved = fileOf(block);
  return (
    saved !== undefined &&
    blocksOf(page).some(({ language, text }) => language === 'sh' && text.includes(saved))
  );
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
