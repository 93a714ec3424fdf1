import type { Command } from 'commander';
import type { JobFilter } from '../../client/options.ts';
import { JOB_LIST_LIMITS, type JobPage } from '../../shared/api/job-list.ts';
import { JOB_STATES, type JobState } from '../../shared/job/job.ts';
import { jobState, jobTags, operationName, wholeNumber } from '../arguments.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-code.ts';
import { examples } from '../help.ts';
import type { Host, Scope } from '../host.ts';
import { jobsText } from '../text/list-text.ts';
import { createPaint } from '../text/terminal.ts';

interface ListFlags {
  readonly state?: JobState;
  readonly operation?: string;
  readonly tag?: readonly string[];
  readonly limit?: number;
  readonly cursor?: string;
  readonly all?: boolean;
}

/** `list`. */
export function defineList(program: Command, host: Host): Command {
  return program
    .command('list')
    .description('Lists jobs, newest first, one page at a time.')
    .option('--state <state>', `only those in this state: ${JOB_STATES.join(', ')}`, jobState)
    .option('--operation <name>', 'only those of this operation', operationName)
    .option('--tag <tag>', 'only those with this tag; repeatable, then with all of them', jobTags)
    .option('--limit <n>', 'the most to list', wholeNumber(1, JOB_LIST_LIMITS.page))
    .option('--cursor <cursor>', 'where to continue: the cursor that the page before printed')
    .option('--all', 'list all pages; with --json, one line for each job')
    .addHelpText(
      'after',
      examples(
        ['throughline list', 'list the newest jobs'],
        [
          'throughline list --state failed --operation http.request',
          'list the jobs of an operation that failed',
        ],
        ['throughline list --all --json | jq -r .id', 'print every id'],
      ),
    )
    .action(
      async (flags: ListFlags, command: Command) =>
        await host.run(command, (scope) => (flags.all ? listAll(flags, scope) : listPage(flags, scope))),
    );
}

async function listPage(flags: ListFlags, scope: Scope): Promise<number> {
  const { api, output } = scope;
  const { state, operation, tag: tags, limit, cursor } = flags;
  const page = await api.list({ state, operation, tags, limit, cursor });
  if (output.json) output.document(page);
  else if (page.jobs.length > 0) printJobs(page, scope);
  else output.hint('there are no such jobs');
  warnIfIncomplete(page, scope);
  if (page.cursor !== undefined) output.note(`there are more: --cursor ${page.cursor}`);
  return EXIT.ok.code;
}

async function listAll(flags: ListFlags, scope: Scope): Promise<number> {
  const { state, operation, tag: tags, limit, cursor } = flags;
  if (limit !== undefined) throw new CliError('usage-invalid', 'use --limit or --all, not both');
  let next: JobFilter | undefined = { state, operation, tags, cursor, limit: JOB_LIST_LIMITS.page };
  while (next !== undefined) {
    const page = await scope.api.list(next);
    printJobs(page, scope);
    warnIfIncomplete(page, scope);
    next = page.cursor === undefined ? undefined : { ...next, cursor: page.cursor };
  }
  return EXIT.ok.code;
}

/** Prints the jobs of a page; with `--json`, one line for each job. */
function printJobs({ jobs }: JobPage, { output }: Scope): void {
  if (output.json) for (const job of jobs) output.line(job);
  else if (jobs.length > 0) output.text(jobsText(jobs, createPaint(output.color)));
}

function warnIfIncomplete({ complete }: JobPage, { output }: Scope): void {
  if (!complete)
    output.warn('the list may be out of date, because the message broker did not answer in time');
}
