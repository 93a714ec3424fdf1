import type { Command, Option } from 'commander';
import { CliError } from './cli-error.ts';

/**
 * Makes a program check which options were given, and with which values, before one of its commands runs.
 * @param commands all of them, with all their options
 */
export function addOptionChecks(program: Command, commands: readonly Command[]): void {
  const timesGiven = new Map<Option, number>();
  for (const command of commands)
    for (const option of command.options)
      command.on(`option:${option.name()}`, () => timesGiven.set(option, (timesGiven.get(option) ?? 0) + 1));
  program.hook('preAction', (_program, command) => {
    checkOuterOptions(command);
    checkArguments(command);
    checkValues(command);
    checkRepeats(command, timesGiven);
  });
}

/**
 * Checks the options before a command's name: the command must have them too.
 * @throws CliError `usage-invalid` for one that would have no effect, such as `--url` before `keys`
 */
function checkOuterOptions(command: Command): void {
  const own = new Set(command.options.map((option) => option.attributeName()));
  for (let outer = command.parent; outer !== null; outer = outer.parent) {
    const given = outer.options.find((option) => option.attributeName() in outer.opts());
    if (given === undefined || own.has(given.attributeName())) continue;
    throw new CliError('usage-invalid', `${given.long} has no meaning for ${command.name()}`, {
      hint: `see throughline ${command.name()} --help`,
    });
  }
}

/**
 * Refuses an empty argument: its variable is not set. The arguments that a command passes on may be empty, but not the name of the
 * program that gets them.
 * @throws CliError `usage-invalid`
 */
function checkArguments({ registeredArguments, args }: Command): void {
  const empty = registeredArguments.find(
    ({ required, variadic }, place) => args[place] === '' && (required || !variadic),
  );
  if (empty !== undefined) throw emptyError(`the ${empty.name().replaceAll('-', ' ')}`);
}

/**
 * Refuses an empty value, and an option as the value of another one: in `--out $FILE --check` the variable was not set.
 * @throws CliError `usage-invalid`
 */
function checkValues(command: Command): void {
  for (let one: Command | null = command; one !== null; one = one.parent) {
    const names = one.options.map(({ long }) => long);
    for (const [attribute, value] of Object.entries(one.opts<Record<string, unknown>>())) {
      const option = one.options.find((known) => known.attributeName() === attribute);
      if (value === '') throw emptyError(`the value of ${option?.long}`);
      if (typeof value !== 'string' || !names.includes(value)) continue;
      throw new CliError('usage-invalid', `${option?.long} needs a value, and ${value} is another option`);
    }
  }
}

/**
 * Refuses an option that is given twice and has one value: only the last one would count.
 * @throws CliError `usage-invalid`
 */
function checkRepeats(command: Command, timesGiven: ReadonlyMap<Option, number>): void {
  for (let one: Command | null = command; one !== null; one = one.parent) {
    const values = one.opts<Record<string, unknown>>();
    const twice = one.options.find(
      (option) => (timesGiven.get(option) ?? 0) > 1 && hasOneValue(values[option.attributeName()]),
    );
    if (twice !== undefined) throw new CliError('usage-invalid', `${twice.long} may be given once`);
  }
}

/** Values of options that may be repeated are collected, and flags have none. */
function hasOneValue(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || value instanceof Date;
}

function emptyError(what: string): CliError {
  return new CliError('usage-invalid', `${what} is empty; is the variable set?`);
}
