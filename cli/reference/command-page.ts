import type { Argument, Command, Option } from 'commander';

/** An option of a command, as references show it. */
export interface OptionPage {
  /** As it is typed, such as `--state <state>`. */
  readonly flags: string;
  readonly long: string;
  readonly description: string;
  /** Whether a word follows it. An optional value must be written with `=`. */
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

/** What an option does, and the values that it may have. */
export function optionText({ description, choices }: OptionPage): string {
  return choices.length === 0 ? description : `${description}; one of ${choices.join(', ')}`;
}

/** A command, as references show it. */
export interface CommandPage {
  /** Its names after the program's, such as `['dead-letters', 'list']`; empty: the program itself. */
  readonly path: readonly string[];
  readonly description: string;
  /** Its arguments, such as `<jobId>`. */
  readonly arguments: string;
  /** The options that only some commands have. */
  readonly options: readonly OptionPage[];
  /** All options that may be typed after its name. */
  readonly allOptions: readonly OptionPage[];
  /** The names of its own commands. */
  readonly commands: readonly string[];
}

/** All commands of the program, the program itself first. */
export function commandPages(program: Command, path: readonly string[] = []): CommandPage[] {
  const options = program.options.map(optionPage);
  return [
    {
      path,
      description: program.description(),
      arguments: program.registeredArguments.map(argumentText).join(' '),
      options: program.options
        .filter(({ helpGroupHeading }) => helpGroupHeading === undefined)
        .map(optionPage),
      allOptions: [...options, HELP],
      commands: program.commands.map((command) => command.name()),
    },
    ...program.commands.flatMap((command) => commandPages(command, [...path, command.name()])),
  ];
}

/** The options that all commands have, or all that call the API. */
export function commonOptions(program: Command): OptionPage[] {
  return program.options.filter(({ helpGroupHeading }) => helpGroupHeading !== undefined).map(optionPage);
}

const HELP: OptionPage = {
  flags: '--help',
  long: '--help',
  description: 'show the help of the command',
  takesValue: false,
  choices: [],
};

function optionPage({ flags, long, description, required, argChoices }: Option): OptionPage {
  return { flags, long: long ?? flags, description, takesValue: required, choices: argChoices ?? [] };
}

function argumentText(argument: Argument): string {
  const name = argument.variadic ? `${argument.name()}...` : argument.name();
  return argument.required ? `<${name}>` : `[${name}]`;
}
