import { Command, CommanderError, type Option } from 'commander';
import { CliError } from './cli-error.ts';
import { defineCallbacks } from './commands/callbacks.ts';
import { defineCancel } from './commands/cancel.ts';
import { defineDeadLetters } from './commands/dead-letters.ts';
import { defineDev } from './commands/dev.ts';
import { defineGet } from './commands/get.ts';
import { defineKeys } from './commands/keys.ts';
import { defineList } from './commands/list.ts';
import { defineOutbox } from './commands/outbox.ts';
import { defineSetup } from './commands/setup.ts';
import { defineSubmit } from './commands/submit.ts';
import { defineTrace } from './commands/trace.ts';
import { defineWatch } from './commands/watch.ts';
import { defineWorker } from './commands/worker.ts';
import { EXIT, exitCodeHelp, exitCodeOf } from './exit-code.ts';
import { examples } from './help.ts';
import { Host, type HostProcess } from './host.ts';
import { apiOptions, outputOptions } from './options.ts';
import { VERSION } from './version.ts';

/**
 * Runs the command line.
 * @param args the arguments behind the program's name
 * @returns the exit code, see `EXIT`
 */
export async function runCli(args: readonly string[], hostProcess: HostProcess): Promise<number> {
  const host = new Host(hostProcess);
  try {
    await createProgram(host).parseAsync(args, { from: 'user' });
    return host.exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError && wasShown(thrown)) {
      return thrown.exitCode === 0 ? EXIT.ok.code : EXIT.usage.code;
    }
    const error = thrown instanceof CommanderError ? usageError(thrown) : thrown;
    // The options may be what could not be read.
    host.output(args.includes('--json')).error(error, args.includes('--debug'));
    return exitCodeOf(error);
  }
}

function createProgram(host: Host): Command {
  const program = new Command('throughline')
    .description('Submits jobs, and follows each as one trace from here to the worker that runs it.')
    .version(VERSION, '--version')
    // Behind a command's name, its own options count: `dev` takes all that follows it.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => host.write(text, 'stdout'),
      writeErr: (text) => host.write(text, 'stderr'),
      // Shown once, in our own form, when it is caught.
      outputError: () => undefined,
    });
  addOptions(program, [...apiOptions(), ...outputOptions()]);
  for (const define of [defineSubmit, defineGet, defineList, defineWatch, defineCancel, defineTrace]) {
    addOptions(define(program, host), [...apiOptions(), ...outputOptions()]);
  }
  for (const parent of [defineDeadLetters(program, host), defineOutbox(program, host)]) {
    for (const command of [parent, ...parent.commands]) {
      addOptions(command, [...apiOptions(), ...outputOptions()]);
    }
  }
  for (const define of [defineWorker, defineSetup]) addOptions(define(program, host), outputOptions());
  for (const parent of [defineKeys(program, host), defineCallbacks(program, host)]) {
    for (const command of parent.commands) addOptions(command, outputOptions());
  }
  defineDev(program, host);
  program.addHelpText(
    'after',
    examples(
      ['throughline dev', 'everything on this machine, until Ctrl-C'],
      ['throughline submit echo \'{"hello":"world"}\' --wait', 'run a job and print its result'],
      ['throughline trace <jobId>', 'where the time of a job went'],
      ['throughline submit --help', 'more on one command'],
    ),
  );
  for (const command of withCommands(program)) command.addHelpText('after', exitCodeHelp);
  return program;
}

function addOptions(command: Command, options: readonly Option[]): void {
  for (const option of options) command.addOption(option);
}

/** A command, and all below it. */
function withCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withCommands)];
}

/** Help and version are no errors, and have been printed. */
function wasShown({ code }: CommanderError): boolean {
  return code === 'commander.helpDisplayed' || code === 'commander.help' || code === 'commander.version';
}

function usageError(error: CommanderError): CliError {
  return new CliError('usage-invalid', error.message.replace(/^error: /, ''), { cause: error });
}
