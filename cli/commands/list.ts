import type { Command } from 'commander';
import type { JobFilter } from '../../client/options.ts';
import { JOB_LIST_LIMITS, type JobPage } from '../../shared/api/job-list.ts';
import { JOB_STATES, type JobState } from '../../shared/job/job.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-code.ts';
import { examples } from '../help.ts';
import type { Host, Scope } from '../host.ts';
import { jobState, operationName, wholeNumber } from '../options.ts';
import { jobsText } from '../text/job-list-text.ts';
import { createPaint } from '../text/paint.ts';

interface ListFlags {
  readonly state?: JobState;
  readonly operation?: string;
  readonly limit?: number;
  readonly cursor?: string;
  readonly all?: boolean;
}

/** `list`. */
export function defineList(program: Command, host: Host): Command {
  return program
    .command('list')
    .description('Lists jobs, newest first, a page at a time.')
    .option('--state <state>', `only those in this state: ${JOB_STATES.join(', ')}`, jobState)
    .option('--operation <name>', 'only those of this operation', operationName)
    .option('--limit <n>', 'how many at most', wholeNumber(1, JOB_LIST_LIMITS.page))
    .option('--cursor <cursor>', 'where to go on, as the page before said')
    .option('--all', 'page after page, to the oldest; with --json a line for each job')
    .addHelpText(
      'after',
      examples(
        ['throughline list', 'the newest ones'],
        ['throughline list --state failed --operation http.request', 'what went wrong'],
        ['throughline list --all --json | jq -r .id', 'every id'],
      ),
    )
    .action(
      async (flags: ListFlags, command: Command) =>
        await host.run(command, (scope) => (flags.all ? listAll(flags, scope) : listPage(flags, scope))),
    );
}

async function listPage(flags: ListFlags, scope: Scope): Promise<number> {
  const { api, output } = scope;
  const { state, operation, limit, cursor } = flags;
  const page = await api.list({ state, operation, limit, cursor });
  if (output.json) output.document(page);
  else if (page.jobs.length > 0) print(page, scope);
  else output.hint('there are no such jobs');
  warnOf(page, scope);
  if (page.cursor !== undefined) output.hint(`there are more: --cursor ${page.cursor}`);
  return EXIT.ok.code;
}

async function listAll(flags: ListFlags, scope: Scope): Promise<number> {
  const { state, operation, limit, cursor } = flags;
  if (limit !== undefined) throw new CliError('usage-invalid', '--limit and --all exclude each other');
  let next: JobFilter | undefined = { state, operation, cursor, limit: JOB_LIST_LIMITS.page };
  while (next !== undefined) {
    const page = await scope.api.list(next);
    print(page, scope);
    warnOf(page, scope);
    next = page.cursor === undefined ? undefined : { ...next, cursor: page.cursor };
  }
  return EXIT.ok.code;
}

/** The jobs of one page of many. */
function print({ jobs }: JobPage, { output }: Scope): void {
  if (output.json) for (const job of jobs) output.line(job);
  else if (jobs.length > 0) output.text(jobsText(jobs, createPaint(output.color)));
}

function warnOf({ complete }: JobPage, { output }: Scope): void {
  if (!complete) output.warn('the list may lag behind: the message broker cannot be reached in time');
}
