import type { CommandPage } from '../command-page.ts';
import { type Words, wordsOf } from './words.ts';

/** A script that completes the words after `throughline` in fish. */
export function fishCompletion(pages: readonly CommandPage[]): string {
  return [
    '# Completion of throughline for fish: throughline completion fish | source',
    'complete -c throughline -f',
    ...wordsOf(pages).flatMap((words) => linesOf(words, groupsWith(words.path, pages))),
    '',
  ].join('\n');
}

/** The commands that have a command of this name too: `dead-letters list` is not `list`. */
function groupsWith(name: string, pages: readonly CommandPage[]): string[] {
  return pages
    .filter(({ path, commands }) => path.length > 0 && commands.includes(name))
    .map(({ path }) => path.join(' '));
}

/** @param groups commands that have a command of the same name, which is meant after theirs */
function linesOf({ path, commands, options }: Words, groups: readonly string[]): string[] {
  const names = path === '' ? [] : path.split(' ');
  const seen = names.map((name) => `__fish_seen_subcommand_from ${name}`);
  if (groups.length > 0) seen.push(`not __fish_seen_subcommand_from ${groups.join(' ')}`);
  const at = seen.join('; and ');
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
