import { describe, expect, it } from 'vitest';
import template from '../../../create/template/package.json' with { type: 'json' };
import { devCommand } from '../../../dev/flags.ts';
import manifest from '../../../package.json' with { type: 'json' };
import { leaves } from '../../support/cli/options.ts';
import { blocksOf, PAGES, proseOf, SHIPPED, textOf } from '../../support/docs/pages.ts';
import { HISTORY } from '../../support/docs/tested-by.ts';

/** `dev` takes its arguments apart by itself. */
const commands = leaves().map((leaf) =>
  leaf.name === 'dev' ? { name: 'dev', options: devCommand().options } : leaf,
);
const pages = [...PAGES.filter((page) => !HISTORY.includes(page)), ...SHIPPED];

/** What a page tells its reader to type after `throughline`, in its text and in its blocks. */
function typedIn(page: string): string[] {
  const inline = [...proseOf(page).matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
  const lines = blocksOf(page)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text }) => text.replaceAll('\\\n', ' ').split('\n'));
  return [...inline, ...lines].flatMap((line) =>
    [...line.matchAll(/(?:^|[\s(])(?:(?<!npm create )throughline|npm run(?= dev -- )) ([a-z][^#|)]*)/g)].map(
      ([, typed = '']) => typed.trim().replace(/^dev -- /, 'dev '),
    ),
  );
}

/** What is wrong with a command; undefined if the command line has it and its options. */
function faultOf(typed: string): string | undefined {
  // What follows `--` is the command of another program.
  const words = typed.replace(/ --(?: .*)?$/, '').match(/'[^']*'|"[^"]*"|\S+/g) ?? [];
  const found = commands.filter(({ name }) => startsWith(words, name.split(' ')));
  if (found.length === 0) return `throughline ${typed}: there is no such command`;
  const options = new Set([...found.flatMap((leaf) => leaf.options.map(({ long }) => long)), '--help']);
  const unknown = words.filter((word) => word.startsWith('--') && !options.has(word.replace(/=.*$/, '')));
  return unknown.length === 0 ? undefined : `throughline ${typed}: there is no option ${unknown.join(', ')}`;
}

/** Whether the words name this command, or a group that it is in. */
function startsWith(words: readonly string[], name: readonly string[]): boolean {
  const typed = words.slice(0, name.length);
  const stop = typed.findIndex((word) => !/^[a-z][a-z-]*$/.test(word));
  const path = stop === -1 ? typed : typed.slice(0, stop);
  return path.length > 0 && path.every((word, index) => word === name[index]);
}

describe.each(pages)('%s', (page) => {
  it('names only commands and options that the command line has', () => {
    expect(
      typedIn(page)
        .map(faultOf)
        .filter((fault) => fault !== undefined),
    ).toEqual([]);
  });

  it('names only npm scripts that there are', () => {
    const named = [...textOf(page).matchAll(/npm run ([a-z][a-z0-9:-]*)/g)].map(([, name = '']) => name);
    const { scripts } = page === 'create/template/README.md' ? template : manifest;
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});

it('finds commands in the pages, and faults in them', () => {
  expect(typedIn('docs/OPERATING.md').length).toBeGreaterThan(5);
  expect(faultOf('submit echo 1 --wait')).toBeUndefined();
  expect(faultOf('dead-letters show <jobId>')).toBeUndefined();
  expect(faultOf('dev --persist --edge FAIR_JOBS=8')).toBeUndefined();
  expect(faultOf('conformance worker --json -- ./worker --port 1')).toBeUndefined();
  expect(faultOf('conformance worker --jsn -- ./worker')).toContain('no option --jsn');
  expect(faultOf('dev --prot 1')).toContain('no option --prot');
  expect(typedIn('docs/GETTING-STARTED.md')).toContain('dev --operations operations');
  expect(faultOf('sumbit echo 1')).toContain('no such command');
  expect(faultOf('submit echo 1 --wiat')).toContain('no option --wiat');
});
