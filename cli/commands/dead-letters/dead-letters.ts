import type { Command } from 'commander';
import { DEAD_LETTER_LIMITS } from '../../../shared/api/page-limits.ts';
import { shellWord } from '../../../shared/text/terminal/shell-command.ts';
import { ATTR } from '../../../shared/trace/semantics.ts';
import { jobId, jobTags, operationName, wholeNumber } from '../../arguments.ts';
import { CliError } from '../../cli-error.ts';
import type { Environment } from '../../config.ts';
import { EXIT } from '../../exit-code.ts';
import { examples } from '../../help.ts';
import type { Host, Scope } from '../../host.ts';
import { deadLetterText } from '../../text/job-text.ts';
import { deadLettersText } from '../../text/list-text.ts';
import type { CallerTrace } from '../../trace/caller-trace.ts';
import { redriveAll } from './redrive-all.ts';
import { redriveEdited } from './redrive-edited.ts';

interface ListFlags {
  readonly operation?: string;
  readonly tag?: readonly string[];
  readonly limit?: number;
  readonly cursor?: string;
}

interface RedriveFlags {
  readonly operation?: string;
  readonly reason?: string;
  readonly all?: boolean;
  readonly yes?: boolean;
  readonly edit?: boolean;
  readonly tag?: readonly string[];
}

/** `dead-letters list | show | redrive`. */
export function defineDeadLetters(program: Command, host: Host): Command {
  const deadLetters = program
    .command('dead-letters')
    .description('Shows the jobs that failed for good, and sends them again.');
  defineList(deadLetters, host);
  defineShow(deadLetters, host);
  defineRedrive(deadLetters, host);
  return deadLetters;
}

function defineList(deadLetters: Command, host: Host): void {
  deadLetters
    .command('list')
    .description('Lists dead letters, oldest first, one page at a time.')
    .option('--operation <name>', 'only those of this operation', operationName)
    .option('--tag <tag>', 'only those with this tag; repeatable, then with all of them', jobTags)
    .option(
      '--limit <n>',
      `the most to list, up to ${DEAD_LETTER_LIMITS.page} (default: ${DEAD_LETTER_LIMITS.defaultPage})`,
      wholeNumber(1, DEAD_LETTER_LIMITS.page),
    )
    .option('--cursor <cursor>', 'where to continue: the cursor that the page before printed')
    .addHelpText(
      'after',
      examples(
        ['throughline dead-letters list', 'list the oldest dead letters'],
        [
          "throughline dead-letters list --operation http.request --json | jq '.deadLetters[].id'",
          'print the ids of one operation',
        ],
      ),
    )
    .action(
      async (flags: ListFlags, command: Command) => await host.run(command, (scope) => list(flags, scope)),
    );
}

async function list(
  { operation, tag: tags, limit, cursor }: ListFlags,
  { api, output }: Scope,
): Promise<number> {
  const page = await api.listDeadLetters({ operation, tags, limit, cursor });
  const { deadLetters } = page;
  if (output.json) output.document(page);
  else if (deadLetters.length > 0) output.text(deadLettersText(deadLetters, output.paint));
  else if (page.cursor === undefined) output.note('there are no dead letters');
  if (page.cursor !== undefined) output.note(`there are more: --cursor ${shellWord(page.cursor)}`);
  return EXIT.ok.code;
}

function defineShow(deadLetters: Command, host: Host): void {
  deadLetters
    .command('show')
    .description('Shows a dead letter: why the job failed, its input and its headers.')
    .argument('<jobId>', 'the id that list printed', jobId)
    .addHelpText(
      'after',
      examples([
        'throughline dead-letters show 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11',
        'show all that it holds',
      ]),
    )
    .action(
      async (id: string, _flags: unknown, command: Command) =>
        await host.run(command, async ({ api, output }) => {
          const deadLetter = await api.deadLetter(id);
          output.result(deadLetter, () => deadLetterText(deadLetter, output.paint));
          return EXIT.ok.code;
        }),
    );
}

function defineRedrive(deadLetters: Command, host: Host): void {
  deadLetters
    .command('redrive')
    .description('Sends a dead letter again, in a new trace; or all that exist now.')
    .argument('[jobId]', 'the id that list printed', jobId)
    .option('--all', 'send all dead letters again, or those that --operation, --reason and --tag select')
    .option('--operation <name>', 'with --all: only those of this operation', operationName)
    .option('--reason <code>', 'with --all: only those that failed with this code, such as operation-timeout')
    .option('--tag <tag>', 'with --all: only those with this tag; repeatable', jobTags)
    .option('--yes', 'with --all: do not ask; needed where there is no terminal')
    .option(
      '--edit',
      'with a job id: change its input in your editor (VISUAL, EDITOR) and submit that as a new job; the dead letter stays',
    )
    .addHelpText(
      'after',
      examples(
        ['throughline dead-letters redrive 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11', 'send one again'],
        [
          'throughline dead-letters redrive 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11 --edit',
          'with another input',
        ],
        ['throughline dead-letters redrive --all --operation http.request', 'send all of an operation again'],
      ),
    )
    .action(
      async (id: string | undefined, flags: RedriveFlags, command: Command) =>
        await host.run(command, (scope) => redrive(id, flags, host.environment, scope)),
    );
}

async function redrive(
  id: string | undefined,
  flags: RedriveFlags,
  environment: Environment,
  scope: Scope,
): Promise<number> {
  checkChoice(id, flags);
  const { yes = false, operation, reason, tag: tags } = flags;
  if (id === undefined) return await redriveAll({ operation, reason, tags }, yes, scope);
  if (flags.edit) return await redriveEdited(id, environment, scope);
  return await redriveOne(id, await scope.startTrace(), scope);
}

/** @throws CliError `usage-invalid` for options that do not go together */
function checkChoice(id: string | undefined, flags: RedriveFlags): void {
  const { all = false, yes, edit = false, operation, reason, tag } = flags;
  if ((id === undefined) !== all)
    throw new CliError('usage-invalid', 'which one? Name a job id or use --all');
  if (all && edit) throw new CliError('usage-invalid', '--edit goes with a job id, not with --all');
  if (!all && [operation, reason, tag, yes].some((option) => option !== undefined)) {
    const message = '--operation, --reason, --tag and --yes go with --all, not with a job id';
    throw new CliError('usage-invalid', message);
  }
}

async function redriveOne(id: string, trace: CallerTrace, { api, output }: Scope): Promise<number> {
  const attributes = { [ATTR.jobId]: id, [ATTR.httpMethod]: 'POST', [ATTR.urlFull]: api.deadLettersUrl };
  const job = await trace.run('redrive', attributes, (carrier) => api.redrive(id, { trace: carrier }));
  output.sentAgain(job);
  return EXIT.ok.code;
}
