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

/** The options whose values are known, with the values of all commands that have the option. */
export function choices(pages: readonly CommandPage[]): Map<string, string[]> {
  const known = pages.flatMap(({ allOptions }) => allOptions.filter((option) => option.choices.length > 0));
  const byOption = Map.groupBy(known, ({ long }) => long);
  return new Map([...byOption].map(([long, all]) => [long, [...new Set(all.flatMap((one) => one.choices))]]));
}
