import type { Command } from 'commander';
import { DEAD_LETTER_LIMITS, type RedriveReport } from '../../shared/api/dead-letter.ts';
import { ATTR } from '../../shared/trace/semantics.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-code.ts';
import { examples } from '../help.ts';
import type { Host, Scope } from '../host.ts';
import { jobId, operationName, wholeNumber } from '../options.ts';
import { deadLettersText, deadLetterText } from '../text/dead-letter-text.ts';
import { createPaint } from '../text/paint.ts';
import { startCaller } from '../trace/caller.ts';
import { type CallerTrace, HTTP } from '../trace/caller-trace.ts';

interface ListFlags {
  readonly operation?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

interface RedriveFlags {
  readonly all?: boolean;
  readonly operation?: string;
  readonly reason?: string;
}

/** `dead-letters list | show | redrive`. */
export function defineDeadLetters(program: Command, host: Host): Command {
  const group = program
    .command('dead-letters')
    .description('Shows the jobs whose attempts are spent, and redrives them.');
  defineList(group, host);
  defineShow(group, host);
  defineRedrive(group, host);
  return group;
}

function defineList(group: Command, host: Host): void {
  group
    .command('list')
    .description('Lists dead letters, oldest first, a page at a time.')
    .option('--operation <name>', 'only those of this operation', operationName)
    .option('--limit <n>', 'how many at most', wholeNumber(1, DEAD_LETTER_LIMITS.page))
    .option('--cursor <cursor>', 'where to go on, as the page before said')
    .addHelpText(
      'after',
      examples(
        ['throughline dead-letters list', 'the oldest ones'],
        ["throughline dead-letters list --operation http.request --json | jq '.deadLetters[].id'", 'ids'],
      ),
    )
    .action(
      async (flags: ListFlags, command: Command) =>
        await host.run(command, async ({ api, output }) => {
          const { operation, limit, cursor } = flags;
          const page = await api.listDeadLetters({ operation, limit, cursor });
          if (output.json) output.document(page);
          else if (page.deadLetters.length > 0) {
            output.text(deadLettersText(page.deadLetters, createPaint(output.color)));
          } else output.hint('nothing is dead');
          if (page.cursor !== undefined) output.hint(`there are more: --cursor ${page.cursor}`);
          return EXIT.ok.code;
        }),
    );
}

function defineShow(group: Command, host: Host): void {
  group
    .command('show')
    .description('Shows a dead letter: why it died, its input and its headers.')
    .argument('<jobId>', 'as list printed it', jobId)
    .addHelpText(
      'after',
      examples(['throughline dead-letters show 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11', 'all that it holds']),
    )
    .action(
      async (id: string, _flags: unknown, command: Command) =>
        await host.run(command, async ({ api, output }) => {
          const letter = await api.deadLetter(id);
          if (output.json) output.document(letter);
          else output.text(deadLetterText(letter, createPaint(output.color)));
          return EXIT.ok.code;
        }),
    );
}

function defineRedrive(group: Command, host: Host): void {
  group
    .command('redrive')
    .description('Redrives a dead letter, in a new trace; or all that are dead now.')
    .argument('[jobId]', 'as list printed it', jobId)
    .option('--all', 'every dead letter there is now, within the filters')
    .option('--operation <name>', 'with --all: only those of this operation', operationName)
    .option('--reason <code>', 'with --all: only those that died of this, such as operation-timeout')
    .addHelpText(
      'after',
      examples(
        ['throughline dead-letters redrive 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11', 'one'],
        ['throughline dead-letters redrive --all --operation http.request', 'all of an operation'],
      ),
    )
    .action(
      async (id: string | undefined, flags: RedriveFlags, command: Command) =>
        await host.run(command, (scope) => redrive(id, flags, scope)),
    );
}

async function redrive(id: string | undefined, flags: RedriveFlags, scope: Scope): Promise<number> {
  const { all = false, operation, reason } = flags;
  if ((id === undefined) !== all) {
    throw new CliError('usage-invalid', 'which one? Name a job id, or say --all');
  }
  if (!all && (operation !== undefined || reason !== undefined)) {
    throw new CliError('usage-invalid', '--operation and --reason go with --all, not with a job id');
  }
  const caller = await startCaller(scope);
  return id === undefined ? await redriveAll(caller, flags, scope) : await redriveOne(caller, id, scope);
}

async function redriveOne(caller: CallerTrace, id: string, { api, output }: Scope): Promise<number> {
  const attributes = { [ATTR.jobId]: id, [HTTP.method]: 'POST', [HTTP.url]: api.deadLettersUrl };
  const job = await caller.run('redrive', attributes, (carrier) => api.redrive(id, { trace: carrier }));
  output.job(job);
  output.hint(`follow it with: throughline watch ${job.id}`);
  return EXIT.ok.code;
}

/** Page after page, until all were tried that were dead at the start: what dies meanwhile is not sent again. */
async function redriveAll(
  caller: CallerTrace,
  { operation, reason }: RedriveFlags,
  { api, output }: Scope,
): Promise<number> {
  const redriven: string[] = [];
  const failed: RedriveReport['failed'] = [];
  const attributes = { [HTTP.method]: 'POST', [HTTP.url]: api.deadLettersUrl };
  const status = output.statusLine();
  try {
    await caller.run('redrive all', attributes, async (carrier) => {
      let cursor: string | undefined;
      do {
        status.show(`${redriven.length} sent`);
        const report = await api.redriveMany({ operation, reason, cursor }, { trace: carrier });
        redriven.push(...report.redriven);
        failed.push(...report.failed);
        cursor = report.cursor;
      } while (cursor !== undefined);
    });
  } catch (thrown) {
    if (redriven.length > 0) output.warn(`${redriven.length} were redriven before this`);
    throw thrown;
  } finally {
    status.clear();
  }
  if (output.json) output.document({ redriven, failed });
  else output.text(`${redriven.length} redriven`);
  for (const { id, code } of failed) output.warn(`${id} is still dead (${code})`);
  return failed.length === 0 ? EXIT.ok.code : EXIT.unavailable.code;
}
