import { Command, CommanderError, type Option } from 'commander';
import manifest from '../package.json' with { type: 'json' };
import { CliError } from './cli-error.ts';
import { EXIT, exitCodeHelp, exitCodeOf } from './exit-code.ts';
import { apiOptions, examples, outputOptions } from './help.ts';
import { Host, type HostProcess } from './host.ts';
import { addOptionChecks } from './option-checks.ts';
import { withoutSecrets } from './text/hidden-secrets.ts';

type Define = (program: Command, host: Host) => Command;
/** Commands by their names. Each is loaded only if it is needed: a short command takes most of its time to load. */
type Commands = Readonly<Record<string, () => Promise<Define>>>;

/** The commands that call the API. */
const API_COMMANDS: Commands = {
  submit: async () => (await import('./commands/submit/submit.ts')).defineSubmit,
  get: async () => (await import('./commands/get.ts')).defineGet,
  list: async () => (await import('./commands/list/list.ts')).defineList,
  watch: async () => (await import('./commands/watch.ts')).defineWatch,
  cancel: async () => (await import('./commands/cancel.ts')).defineCancel,
  trace: async () => (await import('./commands/trace.ts')).defineTrace,
  verify: async () => (await import('./commands/verify.ts')).defineVerify,
  logs: async () => (await import('./commands/logs.ts')).defineLogs,
  'dead-letters': async () => (await import('./commands/dead-letters/dead-letters.ts')).defineDeadLetters,
  outbox: async () => (await import('./commands/outbox.ts')).defineOutbox,
  schedules: async () => (await import('./commands/schedules/schedules.ts')).defineSchedules,
  usage: async () => (await import('./commands/usage.ts')).defineUsage,
  status: async () => (await import('./commands/operate/status.ts')).defineStatus,
  doctor: async () => (await import('./commands/operate/doctor.ts')).defineDoctor,
  operations: async () => (await import('./commands/operate/operations.ts')).defineOperations,
  types: async () => (await import('./commands/project/types.ts')).defineTypes,
};

/** The commands that do not. */
const LOCAL_COMMANDS: Commands = {
  init: async () => (await import('./commands/project/init.ts')).defineInit,
  worker: async () => (await import('./commands/worker.ts')).defineWorker,
  workers: async () => (await import('./commands/operate/workers.ts')).defineWorkers,
  pause: async () => (await import('./commands/operate/pause.ts')).definePause,
  resume: async () => (await import('./commands/operate/pause.ts')).defineResume,
  setup: async () => (await import('./commands/nats/setup.ts')).defineSetup,
  groups: async () => (await import('./commands/nats/groups.ts')).defineGroups,
  'broker-spans': async () => (await import('./commands/nats/broker-spans.ts')).defineBrokerSpans,
  keys: async () => (await import('./commands/keys.ts')).defineKeys,
  callbacks: async () => (await import('./commands/callbacks.ts')).defineCallbacks,
  conformance: async () => (await import('./commands/conformance.ts')).defineConformance,
  config: async () => (await import('./commands/config/config.ts')).defineConfig,
  completion: async () => (await import('./commands/reference.ts')).defineCompletion,
  man: async () => (await import('./commands/reference.ts')).defineMan,
};

/** The command that passes its arguments on. */
const PASSING_COMMANDS: Commands = {
  dev: async () => (await import('./commands/project/dev.ts')).defineDev,
};

/** As the first word it ends the program, whatever follows. */
const VERSION = '--version';

/** They describe all the others. */
const ABOUT_ALL = ['completion', 'man'];

/**
 * Runs the command line.
 * @param args the arguments after the program's name
 * @returns the exit code, see `EXIT`
 */
export async function runCli(args: readonly string[], hostProcess: HostProcess): Promise<number> {
  const host = new Host(hostProcess);
  try {
    await (await createProgram(host, args)).parseAsync(args, { from: 'user' });
    return host.exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError && wasShown(thrown)) {
      return thrown.exitCode === 0 ? EXIT.ok.code : EXIT.usage.code;
    }
    const error = thrown instanceof CommanderError ? usageError(thrown, args) : thrown;
    printError(args, hostProcess, error);
    return exitCodeOf(error);
  }
}

/** Prints an error of no command, in the format of all errors. @param args as for {@link runCli} */
export function printError(args: readonly string[], hostProcess: HostProcess, error: unknown): void {
  // The options may be the part that could not be parsed, so look for these two in the raw arguments.
  new Host(hostProcess).output({ json: args.includes('--json') }).error(error, args.includes('--debug'));
}

/**
 * Puts the commands together, with their options.
 * @param args as for {@link runCli}: if they begin with a command's name, the program has only this command; with `--version`, none
 */
export async function createProgram(host: Host, args: readonly string[] = []): Promise<Command> {
  const isNeeded = needed(args);
  const [callers, locals, passing] = await Promise.all([
    loaded(API_COMMANDS, isNeeded),
    loaded(LOCAL_COMMANDS, isNeeded),
    loaded(PASSING_COMMANDS, isNeeded),
  ]);
  const program = new Command('throughline')
    .description('Submits jobs and follows each one, as one trace from here to the worker that runs it.')
    .version(manifest.version, VERSION)
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
  for (const define of callers)
    for (const command of withCommands(define(program, host)))
      addOptions(command, apiOptions(), outputOptions());
  for (const define of locals)
    for (const command of withCommands(define(program, host))) addOptions(command, outputOptions());
  for (const define of passing) define(program, host);
  addExamples(program);
  const commands = withCommands(program);
  for (const command of commands) command.addHelpText('after', exitCodeHelp);
  addOptionChecks(program, commands);
  refuseUnknownHelp(program);
  return program;
}

/** The command that arguments begin with. Undefined: they may be about any, as after `help` and `--json`. */
function commandIn([first = '']: readonly string[]): string | undefined {
  const isOne = [API_COMMANDS, LOCAL_COMMANDS, PASSING_COMMANDS].some((commands) =>
    Object.hasOwn(commands, first),
  );
  return isOne && !ABOUT_ALL.includes(first) ? first : undefined;
}

/** Whether the program must have a command of this name to answer the arguments. */
function needed(args: readonly string[]): (name: string) => boolean {
  if (args[0] === VERSION) return () => false;
  const only = commandIn(args);
  return (name) => only === undefined || name === only;
}

async function loaded(commands: Commands, isNeeded: (name: string) => boolean): Promise<Define[]> {
  const chosen = Object.entries(commands).filter(([name]) => isNeeded(name));
  return await Promise.all(chosen.map(async ([, load]) => await load()));
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

/** Lets `help nope` fail as `nope` does: commander would print the whole help, and not say what is wrong. */
function refuseUnknownHelp(program: Command): void {
  program.addHelpText('beforeAll', ({ error, command }) => {
    const [word, name] = command.args;
    if (error && word === 'help' && name !== undefined)
      command.error(`unknown command '${name}'`, { code: 'commander.unknownCommand' });
    return '';
  });
}

/** A command with all its subcommands. */
function withCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withCommands)];
}

/** Commander also throws after it has printed the help or the version. */
function wasShown({ code }: CommanderError): boolean {
  return code === 'commander.helpDisplayed' || code === 'commander.help' || code === 'commander.version';
}

function usageError(error: CommanderError, args: readonly string[]): CliError {
  const sentence = withoutSecrets(error.message);
  // --debug prints the cause as well.
  const cause = sentence === error.message ? error : undefined;
  return new CliError('usage-invalid', sentence.replace(/^error: /, ''), {
    cause,
    hint: commandsHint(error, args),
  });
}

/** Where the commands are, for who names one that is not there and that is like none. */
function commandsHint({ code, message }: CommanderError, args: readonly string[]): string | undefined {
  if (code !== 'commander.unknownCommand' || message.includes('Did you mean')) return undefined;
  const help = ['throughline', commandIn(args), '--help'].filter((word) => word !== undefined);
  return `\`${help.join(' ')}\` shows the commands`;
}
