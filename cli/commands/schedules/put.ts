import { type Command, type CommanderError, Option } from 'commander';
import type { ScheduleRequest } from '../../../client/options.ts';
import { CATCH_UP, OVERLAP } from '../../../shared/api/schedule-words.ts';
import { defined } from '../../../shared/defined.ts';
import { ATTR } from '../../../shared/trace/semantics.ts';
import { operationName, scheduleName } from '../../arguments.ts';
import { CliError } from '../../cli-error.ts';
import { EXIT } from '../../exit-code.ts';
import { examples } from '../../help.ts';
import type { Host, Scope } from '../../host.ts';
import { readJobInput } from '../../input/job-input.ts';
import { addJobOptions, checkJobFlags, type JobFlags, jobFieldsOf } from '../../job-options.ts';
import { scheduleText } from '../../text/schedule-text.ts';

interface PutFlags extends JobFlags {
  readonly cron?: string;
  readonly every?: string;
  readonly timeZone?: string;
  readonly catchUp?: (typeof CATCH_UP)[number];
  readonly overlap?: (typeof OVERLAP)[number];
  readonly paused?: true;
}

/** `schedules put <name> <operation> [input]`. */
export function definePut(schedules: Command, host: Host): void {
  const command = schedules.command('put');
  addJobOptions(command)
    .exitOverride((error) => explainQuotes(error, command.opts<PutFlags>().cron))
    .description(
      'Makes a schedule, or changes it: what is left out has its default again, but a paused schedule stays paused.',
    )
    .argument('<name>', '1 to 64 letters, digits or _ . -', scheduleName)
    .argument('<operation>', 'what to run, such as http.request', operationName)
    .argument('[input]', 'JSON, @file, or - for standard input; default: null')
    .option('--cron <fields>', 'when: minute, hour, day of month, month and day of week')
    .option('--every <duration>', 'or how often, such as 90s or 1h, counted from when the schedule was made')
    .option('--time-zone <zone>', 'the zone of --cron, such as Europe/Berlin; default: UTC')
    .addOption(
      new Option('--catch-up <which>', 'which runs to make that were missed (default: last)').choices(
        CATCH_UP,
      ),
    )
    .addOption(
      new Option('--overlap <rule>', 'skip: no run while the job before has not ended').choices(OVERLAP),
    )
    .option('--paused', 'make no runs yet')
    .addHelpText(
      'after',
      examples(
        [
          'throughline schedules put nightly report.build \'{"of":"yesterday"}\' --cron \'30 2 * * *\' --time-zone Europe/Berlin',
          'build a report each night',
        ],
        ['throughline schedules put pulse echo --every 90s --overlap skip', 'run a job every 90 seconds'],
      ),
    )
    .action(
      async (name: string, operation: string, input: string | undefined, flags: PutFlags, command: Command) =>
        await host.run(command, (scope) => put(name, { operation, input }, flags, scope)),
    );
}

async function put(
  name: string,
  job: { operation: string; input: string | undefined },
  flags: PutFlags,
  scope: Scope,
): Promise<number> {
  checkUsage(flags);
  const { api, output } = scope;
  const input = await readJobInput(job.input, scope);
  const body: ScheduleRequest = { operation: job.operation, input, ...fieldsOf(flags) };
  const trace = await scope.startTrace();
  const attributes = { [ATTR.httpMethod]: 'PUT', [ATTR.urlFull]: api.schedules.url };
  const { schedule, created } = await trace.run(`put ${name}`, attributes, (carrier) =>
    api.schedules.put(name, body, { trace: carrier }),
  );
  output.result(schedule, () => scheduleText(schedule, output.paint));
  output.hint(created ? `${name} is new` : `${name} was there before`);
  return EXIT.ok.code;
}

/** @throws CliError `usage-invalid` for options that do not go together */
function checkUsage(flags: PutFlags): void {
  const { cron, every, timeZone } = flags;
  if ((cron === undefined) === (every === undefined))
    throw new CliError('usage-invalid', 'when should it run? Use --cron or --every, and not both');
  if (cron === undefined && timeZone !== undefined)
    throw new CliError('usage-invalid', '--time-zone goes with --cron');
  checkJobFlags(flags);
}

/**
 * Explains too many words after `--cron`: without quotes, the shell splits the expression and replaces each `*`.
 * @throws CliError `usage-invalid`, or the error itself if it has another cause
 */
function explainQuotes(error: CommanderError, cron: unknown): never {
  if (error.code !== 'commander.excessArguments' || cron === undefined) throw error;
  throw new CliError('usage-invalid', "put the cron expression in quotes, such as --cron '30 2 * * *'", {
    cause: error,
  });
}

/** The fields of the request that options set. */
function fieldsOf(flags: PutFlags): Partial<ScheduleRequest> {
  const { cron, every, timeZone, catchUp, overlap, paused } = flags;
  return defined({ cron, every, timeZone, catchUp, overlap, paused, ...jobFieldsOf(flags) });
}
