import { type Command, Option } from 'commander';
import type { Job } from '../../shared/job/job.ts';
import { isTerminal, OPEN_STATES } from '../../shared/job/job-state.ts';
import { ATTR } from '../../shared/trace/semantics.ts';
import { jobId, jobTags, operationName, secondsOfWait, WAIT_HELP, waitSeconds } from '../arguments.ts';
import { CliError } from '../cli-error.ts';
import { EXIT } from '../exit-code.ts';
import { examples } from '../help.ts';
import type { Host, Scope } from '../host.ts';
import { cancelAll } from './cancel-all.ts';

interface CancelFlags {
  readonly wait?: number | true;
  readonly all?: boolean;
  readonly yes?: boolean;
  readonly operation?: string;
  readonly tag?: readonly string[];
  readonly state?: (typeof OPEN_STATES)[number];
}

/** `cancel <jobId>`, or `cancel --all`. */
export function defineCancel(program: Command, host: Host): Command {
  return program
    .command('cancel')
    .description('Cancels a job, or many. A job in the queue never runs; a running job is told to end.')
    .argument('[jobId]', 'the id that submit printed', jobId)
    .option('--all', 'cancel all that have not ended, or those that --operation, --tag and --state select')
    .option('--operation <name>', 'with --all: only those of this operation', operationName)
    .option('--tag <tag>', 'with --all: only those with this tag; repeatable', jobTags)
    .addOption(new Option('--state <state>', 'with --all: only those in this state').choices(OPEN_STATES))
    .option('--yes', 'with --all: do not ask; needed where there is no terminal')
    .option(
      '--wait [seconds]',
      `wait until a running job has ended, ${WAIT_HELP}`,
      waitSeconds('`throughline watch`'),
    )
    .addHelpText(
      'after',
      examples(
        [
          'throughline cancel 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11',
          'cancel a job; the exit code is 1 if it had already ended',
        ],
        [
          'throughline cancel 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11 --wait',
          'cancel a job and wait until its worker has ended it',
        ],
        ['throughline cancel --all --tag night --state queued', 'cancel many jobs, after a question'],
      ),
    )
    .action(
      async (id: string | undefined, flags: CancelFlags, command: Command) =>
        await host.run(command, (scope) => cancelOneOrAll(id, flags, scope)),
    );
}

/** @throws CliError `usage-invalid` unless it is either one job or `--all` */
async function cancelOneOrAll(id: string | undefined, flags: CancelFlags, scope: Scope): Promise<number> {
  const { all = false, yes, wait, operation, tag: tags, state } = flags;
  if ((id === undefined) !== all) {
    throw new CliError('usage-invalid', 'which one? Name a job id or use --all');
  }
  if (id === undefined) {
    if (wait === undefined) return await cancelAll({ operation, tags, state }, yes ?? false, scope);
    throw new CliError('usage-invalid', '--wait is for one job, not for --all');
  }
  if (operation !== undefined || tags !== undefined || state !== undefined || yes !== undefined) {
    throw new CliError(
      'usage-invalid',
      '--operation, --tag, --state and --yes go with --all, not with a job id',
    );
  }
  return await cancel(id, secondsOfWait(wait), scope);
}

async function cancel(id: string, wait: number | undefined, scope: Scope): Promise<number> {
  const { output } = scope;
  const job = await sendCancel(id, wait, scope);
  output.job(job);
  if (isTerminal(job.state)) return EXIT.ok.code;
  if (wait === undefined) output.hint(`its worker was told to end it; ${output.followText(job)}`);
  else output.note(`the job has not ended within ${wait} s; ${output.followText(job)}`);
  return wait === undefined ? EXIT.ok.code : EXIT.unfinished.code;
}

async function sendCancel(id: string, wait: number | undefined, scope: Scope): Promise<Job> {
  const { api, output } = scope;
  const trace = await scope.startTrace();
  const status = await output.statusLine();
  if (wait !== undefined) status.show(`waiting until ${id} has ended`);
  const attributes = { [ATTR.jobId]: id, [ATTR.httpMethod]: 'DELETE', [ATTR.urlFull]: api.jobUrl(id) };
  try {
    return await trace.run('cancel', attributes, async (carrier, span) => {
      const answer = await api.cancel(id, { trace: carrier, waitSeconds: wait });
      span.setAttribute(ATTR.httpStatus, answer.status);
      return answer.job;
    });
  } finally {
    status.clear();
  }
}
