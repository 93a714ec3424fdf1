import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { readRegularFile } from '../../../create/regular-file.ts';
import { fileFault } from '../../../shared/text/file-fault.ts';
import { shellWord } from '../../../shared/text/terminal/shell-command.ts';
import { CliError } from '../../cli-error.ts';
import { EXIT } from '../../exit-code.ts';
import { examples } from '../../help.ts';
import type { Host } from '../../host.ts';
import { counted } from '../../text/counted.ts';
import { registryText } from '../../types/registry-text.ts';

interface Flags {
  readonly out?: string | undefined;
  readonly check?: boolean;
}

/** `types`. */
export function defineTypes(program: Command, host: Host): Command {
  return program
    .command('types')
    .description('Writes the inputs and results of all operations as TypeScript, for the client.')
    .option('--out <file>', 'the file to write; by default it is printed')
    .option('--check', 'write nothing; the exit code is 1 if the file of --out is out of date')
    .addHelpText(
      'after',
      examples(
        ['throughline types --out src/operations.d.ts', 'write the types of the operations'],
        ['throughline types --out src/operations.d.ts --check', 'in CI: fail if the file is out of date'],
      ),
    )
    .action(
      async (flags: Flags, command: Command) =>
        await host.run(command, async ({ api, output }) => {
          checkFlags(flags);
          const { out, check = false } = flags;
          const operations = await api.operations();
          const text = registryText(operations);
          if (out === undefined) {
            output.result({ operations: operations.length, types: text }, () => text.trimEnd());
            return EXIT.ok.code;
          }
          const isChanged = (await readIfThere(out)) !== text;
          if (isChanged && !check) await write(out, text);
          output.result({ file: out, operations: operations.length, changed: isChanged }, () =>
            sentence(out, operations.length, isChanged, check),
          );
          return check && isChanged ? EXIT.jobFailed.code : EXIT.ok.code;
        }),
    );
}

/** @throws CliError `usage-invalid` for options that do not fit */
function checkFlags({ out, check = false }: Flags): void {
  if (check && out === undefined)
    throw new CliError('usage-invalid', '--check needs --out: the file to check');
}

function sentence(file: string, count: number, isChanged: boolean, check: boolean): string {
  if (!isChanged) return `${file} is up to date: ${counted(count, 'operation')}`;
  return check
    ? `${file} is out of date: run \`${updateCommand(file)}\``
    : `${file} has ${counted(count, 'operation')} now`;
}

/** A path that begins with - is written with =: as a word of its own it looks like an option. */
function updateCommand(file: string): string {
  const separator = file.startsWith('-') ? '=' : ' ';
  return `throughline types --out${separator}${shellWord(file)}`;
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readRegularFile(file);
  } catch (cause) {
    // A pipe or a device holds nothing that was written before.
    if (['ENOENT', 'ENOTREG'].includes((cause as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw new CliError('usage-invalid', `${file} cannot be read: ${fileFault(cause)}`, { cause });
  }
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (cause) {
    const isWithoutFolder = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const why = isWithoutFolder ? 'its folder does not exist' : fileFault(cause);
    throw new CliError('usage-invalid', `${file} cannot be written: ${why}`, { cause });
  }
}
