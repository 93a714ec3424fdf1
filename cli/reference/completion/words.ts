import type { CommandPage, OptionPage } from '../command-page.ts';

/** What may follow a command's name: its own commands, and its options. */
export interface Words {
  /** The command's names, with spaces between them; empty for the program itself. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly OptionPage[];
}

/** What may follow each command. */
export function wordsOf(pages: readonly CommandPage[]): Words[] {
  const descriptions = new Map(pages.map(({ path, description }) => [path.join(' '), description]));
  return pages.map(({ path, commands, allOptions }) => ({
    path: path.join(' '),
    commands: commands.map((name) => ({
      name,
      description: descriptions.get([...path, name].join(' ')) ?? '',
    })),
    options: allOptions,
  }));
}

/** The options after which a word follows that is no command. */
export function valueOptions(pages: readonly CommandPage[]): string[] {
  const taking = pages.flatMap(({ allOptions }) => allOptions.filter(({ takesValue }) => takesValue));
  return [...new Set(taking.map(({ long }) => long))].sort();
}

/** The options of each command whose values are known. `place`: the names of the command, and the option: `cancel --state`. */
export function choices(
  pages: readonly CommandPage[],
): { readonly place: string; readonly words: readonly string[] }[] {
  return wordsOf(pages).flatMap(({ path, options }) =>
    options
      .filter((option) => option.choices.length > 0)
      .map((option) => ({ place: `${path} ${option.long}`, words: option.choices })),
  );
}
