import { type Command, Option } from 'commander';
import type { JobPage } from '../../../shared/api/answers/job-list.ts';
import { JOB_LIST_LIMITS } from '../../../shared/api/page-limits.ts';
import type { JobState } from '../../../shared/job/job.ts';
import { JOB_STATES } from '../../../shared/job/job-state.ts';
import { shellWord } from '../../../shared/text/terminal/shell-command.ts';
import { durationMs, jobStates, jobTags, operationName, pastTime, wholeNumber } from '../../arguments.ts';
import { CliError } from '../../cli-error.ts';
import { EXIT } from '../../exit-code.ts';
import { examples } from '../../help.ts';
import type { Host, Scope } from '../../host.ts';
import { readPages } from '../../operate/pages.ts';
import { findJobs, type JobSearch } from './job-search.ts';
import { printJobs, warnIfIncomplete } from './print-jobs.ts';
import { watchList } from './watch-list.ts';

/** How often `--watch` looks, if it is not said. */
const WATCH_MS = 2_000;

interface ListFlags {
  readonly state?: readonly JobState[];
  readonly operation?: string;
  readonly tag?: readonly string[];
  readonly since?: number;
  readonly until?: number;
  readonly limit?: number;
  readonly cursor?: string;
  readonly all?: boolean;
  readonly watch?: number | true;
}

/** `list`. */
export function defineList(program: Command, host: Host): Command {
  return program
    .command('list')
    .description('Lists jobs, newest first, one page at a time.')
    .addOption(
      new Option('--state <state>', 'only those in this state; repeatable, or several with commas')
        .choices(JOB_STATES)
        .argParser(jobStates),
    )
    .option('--operation <name>', 'only those of this operation', operationName)
    .option('--tag <tag>', 'only those with this tag; repeatable, then with all of them', jobTags)
    .option(
      '--since <time>',
      'only those accepted since then: a duration ago (2h), or a time (RFC 3339)',
      pastTime,
    )
    .option('--until <time>', 'only those accepted before then, written as for --since', pastTime)
    .option(
      '--limit <n>',
      `the most to list, up to ${JOB_LIST_LIMITS.page} (default: ${JOB_LIST_LIMITS.defaultPage})`,
      wholeNumber(1, JOB_LIST_LIMITS.page),
    )
    .option('--cursor <cursor>', 'where to continue: the cursor that the page before printed')
    .option('--all', 'list all pages; with --json, one line for each job')
    .option(
      '--watch [interval]',
      'list them, then print each that is new or changed, until Ctrl-C; looks every 2s by default',
      durationMs,
    )
    .addHelpText(
      'after',
      examples(
        ['throughline list', 'list the newest jobs'],
        [
          'throughline list --state failed --operation http.request --since 2h',
          'list the jobs of an operation that failed in the last two hours',
        ],
        ['throughline list --state queued,running --watch', 'see what happens'],
        ['throughline list --all --json | jq -r .id', 'print every id'],
      ),
    )
    .action(
      async (flags: ListFlags, command: Command) => await host.run(command, (scope) => listAs(flags, scope)),
    );
}

async function listAs(flags: ListFlags, scope: Scope): Promise<number> {
  const { state: states = [], operation, tag: tags, since, until } = flags;
  const search: JobSearch = { states, operation, tags, since, until };
  if (since !== undefined && until !== undefined && since >= until)
    throw new CliError('usage-invalid', '--since must be before --until');
  if (flags.watch !== undefined) return await watchAs(search, flags, scope);
  return flags.all ? await listAll(search, flags, scope) : await listPage(search, flags, scope);
}

async function listPage(search: JobSearch, { limit, cursor }: ListFlags, scope: Scope): Promise<number> {
  const { output } = scope;
  const page = await findJobs(search, limit ?? JOB_LIST_LIMITS.defaultPage, cursor, scope);
  if (output.json) output.document(page);
  else if (page.jobs.length > 0) printJobs(page, scope);
  else if (page.cursor === undefined) output.note('there are no such jobs');
  warnIfIncomplete(page, scope);
  if (page.cursor !== undefined) output.note(`there are more: --cursor ${shellWord(page.cursor)}`);
  return EXIT.ok.code;
}

async function listAll(search: JobSearch, { limit, cursor }: ListFlags, scope: Scope): Promise<number> {
  if (limit !== undefined) throw new CliError('usage-invalid', 'use --limit or --all, not both');
  const read = (from: string | undefined): Promise<JobPage> =>
    findJobs(search, JOB_LIST_LIMITS.page, from, scope);
  for await (const page of readPages(read, cursor)) {
    printJobs(page, scope);
    warnIfIncomplete(page, scope);
    if (scope.output.isClosed) break;
  }
  return EXIT.ok.code;
}

async function watchAs(
  search: JobSearch,
  { limit, cursor, all, watch }: ListFlags,
  scope: Scope,
): Promise<number> {
  if (cursor !== undefined || all)
    throw new CliError('usage-invalid', '--watch goes with neither --cursor nor --all');
  const intervalMs = watch === true || watch === undefined ? WATCH_MS : watch;
  return await watchList(search, { limit: limit ?? JOB_LIST_LIMITS.defaultPage, intervalMs }, scope);
}
