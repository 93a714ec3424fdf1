import { Command, CommanderError, type Option } from 'commander';
import manifest from '../package.json' with { type: 'json' };
import { CliError } from './cli-error.ts';
import { defineCallbacks } from './commands/callbacks.ts';
import { defineCancel } from './commands/cancel.ts';
import { defineConfig } from './commands/config/config.ts';
import { defineConformance } from './commands/conformance.ts';
import { defineDeadLetters } from './commands/dead-letters/dead-letters.ts';
import { defineGet } from './commands/get.ts';
import { defineKeys } from './commands/keys.ts';
import { defineList } from './commands/list/list.ts';
import { defineLogs } from './commands/logs.ts';
import { defineBrokerSpans } from './commands/nats/broker-spans.ts';
import { defineGroups } from './commands/nats/groups.ts';
import { defineSetup } from './commands/nats/setup.ts';
import { defineDoctor } from './commands/operate/doctor.ts';
import { defineOperations } from './commands/operate/operations.ts';
import { definePause, defineResume } from './commands/operate/pause.ts';
import { defineStatus } from './commands/operate/status.ts';
import { defineWorkers } from './commands/operate/workers.ts';
import { defineOutbox } from './commands/outbox.ts';
import { defineDev } from './commands/project/dev.ts';
import { defineInit } from './commands/project/init.ts';
import { defineTypes } from './commands/project/types.ts';
import { defineCompletion, defineMan } from './commands/reference.ts';
import { defineSchedules } from './commands/schedules/schedules.ts';
import { defineSubmit } from './commands/submit/submit.ts';
import { defineTrace } from './commands/trace.ts';
import { defineUsage } from './commands/usage.ts';
import { defineVerify } from './commands/verify.ts';
import { defineWatch } from './commands/watch.ts';
import { defineWorker } from './commands/worker.ts';
import { EXIT, exitCodeHelp, exitCodeOf } from './exit-code.ts';
import { apiOptions, examples, outputOptions } from './help.ts';
import { Host, type HostProcess } from './host.ts';
import { addOptionChecks } from './option-checks.ts';

/** The commands that call the API. */
const API_COMMANDS = [
  defineSubmit,
  defineGet,
  defineList,
  defineWatch,
  defineCancel,
  defineTrace,
  defineVerify,
  defineLogs,
  defineDeadLetters,
  defineOutbox,
  defineSchedules,
  defineUsage,
  defineStatus,
  defineDoctor,
  defineOperations,
  defineTypes,
];

/** The commands that do not. */
const LOCAL_COMMANDS = [
  defineInit,
  defineWorker,
  defineWorkers,
  definePause,
  defineResume,
  defineSetup,
  defineGroups,
  defineBrokerSpans,
  defineKeys,
  defineCallbacks,
  defineConformance,
  defineConfig,
  defineCompletion,
  defineMan,
];

/**
 * Runs the command line.
 * @param args the arguments after the program's name
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
    printError(args, hostProcess, error);
    return exitCodeOf(error);
  }
}

/** Prints an error of no command, in the format of all errors. @param args as for {@link runCli} */
export function printError(args: readonly string[], hostProcess: HostProcess, error: unknown): void {
  // The options may be the part that could not be parsed, so look for these two in the raw arguments.
  new Host(hostProcess).output(args.includes('--json')).error(error, args.includes('--debug'));
}

/** All commands with their options. */
export function createProgram(host: Host): Command {
  const program = new Command('throughline')
    .description('Submits jobs and follows each one, as one trace from here to the worker that runs it.')
    .version(manifest.version, '--version')
    // Options after a command's name belong to that command: `dev` takes all that follows it.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => host.write(text, 'stdout'),
      writeErr: (text) => host.write(text, 'stderr'),
      // runCli catches the error and prints it in the format of all errors.
      outputError: () => undefined,
    });
  addOptions(program, apiOptions(), outputOptions());
  for (const define of API_COMMANDS) {
    for (const command of withCommands(define(program, host))) {
      addOptions(command, apiOptions(), outputOptions());
    }
  }
  for (const define of LOCAL_COMMANDS) {
    for (const command of withCommands(define(program, host))) addOptions(command, outputOptions());
  }
  defineDev(program, host);
  addExamples(program);
  const commands = withCommands(program);
  for (const command of commands) command.addHelpText('after', exitCodeHelp);
  addOptionChecks(program, commands);
  return program;
}

function addOptions(command: Command, ...options: readonly Option[][]): void {
  for (const option of options.flat()) command.addOption(option);
}

function addExamples(program: Command): void {
  program.addHelpText(
    'after',
    examples(
      ['throughline dev', 'run everything on this machine, until Ctrl-C'],
      ['throughline submit echo \'{"hello":"world"}\' --wait', 'run a job and print its result'],
      ['throughline trace <jobId>', 'show where the time of a job went'],
      ['throughline submit --help', 'show the help of one command'],
    ),
  );
}

/** A command with all its subcommands. */
function withCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withCommands)];
}

/** Commander also throws after it has printed the help or the version. */
function wasShown({ code }: CommanderError): boolean {
  return code === 'commander.helpDisplayed' || code === 'commander.help' || code === 'commander.version';
}

function usageError(error: CommanderError): CliError {
  return new CliError('usage-invalid', error.message.replace(/^error: /, ''), { cause: error });
}
