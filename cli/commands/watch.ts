import type { Command } from 'commander';
import { isTerminal, type Job } from '../../shared/job.ts';
import { EXIT, exitCodeOf, exitCodeOfJob } from '../exit-code.ts';
import { examples } from '../help.ts';
import type { Host, Scope } from '../host.ts';
import { jobLine } from '../job-text.ts';
import { durationMs, jobId } from '../options.ts';
import { pause, pollDelays } from '../poll.ts';

/** An API that answered before may miss this many questions in a row: it is being deployed, say. */
const MAX_FAILURES = 5;

/** `watch <jobId>`. */
export function defineWatch(program: Command, host: Host): Command {
  return program
    .command('watch')
    .description('Follows a job to its end, and prints it then. In a pipe, that is all it prints.')
    .argument('<jobId>', 'as submit printed it', jobId)
    .option('--timeout <duration>', 'how long to watch at most, such as 90s; exit code 4 then', durationMs)
    .addHelpText(
      'after',
      examples(
        ['throughline watch 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11', 'until it has ended'],
        [
          'throughline watch 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11 --timeout 5m --json',
          'for a script, five minutes at most',
        ],
      ),
    )
    .action(
      async (id: string, flags: { timeout?: number }, command: Command) =>
        await host.run(command, (scope) => watch(id, flags.timeout ?? Number.POSITIVE_INFINITY, scope)),
    );
}

async function watch(id: string, limitMs: number, scope: Scope): Promise<number> {
  const { output } = scope;
  const status = output.statusLine();
  let job: Job;
  try {
    job = await untilEnded(id, limitMs, scope, (current) => status.show(jobLine(current)));
  } finally {
    status.clear();
  }
  output.job(job);
  return isTerminal(job.state) ? exitCodeOfJob(job) : EXIT.unfinished.code;
}

/**
 * Asks for a job again and again, less and less often.
 * @returns the job when it has ended, or as it was last seen when time is up
 * @throws ApiError or CliError when the API refuses, or does not answer any more
 */
async function untilEnded(
  id: string,
  limitMs: number,
  { api, signal }: Scope,
  onJob: (job: Job) => void,
): Promise<Job> {
  const until = performance.now() + limitMs;
  const left = (): number => until - performance.now();
  const delays = pollDelays();
  let job = await api.job(id, left());
  for (let failures = 0; !isTerminal(job.state) && left() > 0; ) {
    onJob(job);
    await pause(Math.min(delays.next().value, left()), signal);
    try {
      job = await api.job(id, left());
      failures = 0;
    } catch (thrown) {
      const transient = exitCodeOf(thrown) === EXIT.unavailable.code;
      if (!transient || ++failures > MAX_FAILURES) throw thrown;
    }
  }
  return job;
}
