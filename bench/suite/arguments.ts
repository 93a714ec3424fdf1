import path from 'node:path';
import { Argument, Command, InvalidArgumentError } from 'commander';
import type { Part } from './part.ts';

/** What a user typed after `npm run bench --`. */
export interface BenchArguments {
  readonly parts: readonly Part[];
  readonly list: boolean;
  readonly quick: boolean;
  readonly rounds: number;
  readonly jobs: number;
  /** A text that is in the names of all tables that are wanted. */
  readonly only: string;
  readonly checkout: readonly string[];
  readonly json?: string;
  readonly svg?: string;
}

/**
 * Reads the arguments, and prints what is wrong with them.
 * @throws CommanderError if something is wrong, or if help was asked for: then with exit code 0
 */
export function readArguments(all: readonly Part[], args: readonly string[]): BenchArguments {
  const command = benchCommand(all).parse(args, { from: 'user' });
  const options = command.opts<Omit<BenchArguments, 'parts'>>();
  const parts = all.filter(({ name }) => command.args.length === 0 || command.args.includes(name));
  const tables = parts.flatMap((part) => part.tables);
  if (!tables.some((table) => table.includes(options.only)))
    command.error(`error: no table has "${options.only}" in its name. The tables are: ${tables.join(', ')}`);
  return { ...options, parts };
}

function benchCommand(all: readonly Part[]): Command {
  const names = all.map(({ name }) => name);
  return new Command('npm run bench --')
    .description('Measures this project, each figure beside its limit and its peers.')
    .addArgument(new Argument('[parts...]', 'the parts to measure; default: all').choices(names))
    .option('--list', 'name the parts and their tables, and measure nothing', false)
    .option('--only <text>', 'measure the tables whose names contain this text', '')
    .option('--rounds <number>', 'how often each row is measured', wholeNumber, 5)
    .option('--jobs <number>', 'how many jobs the part memory counts', wholeNumber, 1_000_000)
    .option('--quick', 'show that every part works: the figures say nothing', false)
    .option('--checkout <folder>', 'measure the worker of another checkout too; may be repeated', folder, [])
    .option('--json <file>', 'add the figures to this file')
    .option('--svg <folder>', 'draw a picture of each table into this folder')
    .exitOverride();
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number above 0.');
}

function folder(text: string, before: readonly string[]): readonly string[] {
  return [...before, path.resolve(text)];
}
