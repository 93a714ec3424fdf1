import type { Command } from 'commander';
import type { Job } from '../../shared/job/job.ts';
import { isTerminal } from '../../shared/job/job-state.ts';
import { durationMs, jobId } from '../arguments.ts';
import { EXIT, exitCodeOfJob } from '../exit-code.ts';
import { examples } from '../help.ts';
import type { Host, Scope } from '../host.ts';
import { jobLine } from '../text/job-text.ts';
import { followJob } from './follow-job.ts';
import { printJob } from './get.ts';

interface WatchFlags {
  readonly timeout?: number;
  readonly events?: boolean;
}

/** `watch <jobId>`. */
export function defineWatch(program: Command, host: Host): Command {
  return program
    .command('watch')
    .description('Follows a job to its end and prints it then. In a pipe it prints nothing else.')
    .argument('<jobId>', 'the id that submit printed', jobId)
    .option(
      '--timeout <duration>',
      'how long to watch, such as 90s; the exit code is 4 after that',
      durationMs,
    )
    .option('--events', 'print every event instead, from the first one on, one line of JSON each')
    .addHelpText(
      'after',
      examples(
        ['throughline watch 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11', 'watch a job until it has ended'],
        [
          'throughline watch 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11 --timeout 5m --json',
          'watch for five minutes at most, and print JSON',
        ],
        [
          'throughline watch 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11 --events | jq .kind',
          'print what happens to it',
        ],
      ),
    )
    .action(
      async (id: string, flags: WatchFlags, command: Command) =>
        await host.run(command, (scope) => watch(id, flags, scope)),
    );
}

/**
 * Follows a job to its end and prints it then.
 * @returns the exit code of the job
 * @throws ApiError or CliError
 */
export async function watch(id: string, flags: WatchFlags, scope: Scope): Promise<number> {
  const { output } = scope;
  const status = await output.statusLine();
  const limitMs = flags.timeout ?? Number.POSITIVE_INFINITY;
  let busy: string | undefined;
  let job: Job;
  try {
    job = await followJob(id, limitMs, scope, {
      onJob: (current) => status.show(jobLine(current)),
      onBusy: ({ message }) => {
        if (busy === message) return;
        busy = message;
        status.clear();
        output.warn(`waiting, because the API is busy: ${message}`);
      },
      ...(flags.events ? { onEvent: (event) => output.line(event) } : {}),
    });
  } finally {
    status.clear();
  }
  if (!flags.events) await printJob(job, scope);
  return isTerminal(job.state) ? exitCodeOfJob(job) : EXIT.unfinished.code;
}
