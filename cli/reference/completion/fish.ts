import type { CommandPage } from '../command-page.ts';
import { type Words, wordsOf } from './words.ts';

/** A script that completes the words after `throughline` in fish. */
export function fishCompletion(pages: readonly CommandPage[]): string {
  return [
    '# Completion of throughline for fish: throughline completion fish | source',
    'complete -c throughline -f',
    ...wordsOf(pages).flatMap(linesOf),
    '',
  ].join('\n');
}

function linesOf({ path, commands, options }: Words): string[] {
  const names = path === '' ? [] : path.split(' ');
  const at = names.map((name) => `__fish_seen_subcommand_from ${name}`).join('; and ');
  const inside = names.length === 0 ? '__fish_use_subcommand' : at;
  const own = commands.map(({ name }) => name).join(' ');
  const isFirst = names.length === 0 ? inside : `${at}; and not __fish_seen_subcommand_from ${own}`;
  return [
    ...commands.map(
      ({ name, description }) =>
        `complete -c throughline -n '${isFirst}' -a ${name} -d '${quoted(description)}'`,
    ),
    ...options.map(({ long, description, takesValue, choices }) => {
      const value = choices.length > 0 ? ` -x -a '${choices.join(' ')}'` : takesValue ? ' -r' : '';
      return `complete -c throughline -n '${inside}' -l ${long.slice(2)}${value} -d '${quoted(description)}'`;
    }),
  ];
}

function quoted(text: string): string {
  return text.replaceAll("'", '’');
}
