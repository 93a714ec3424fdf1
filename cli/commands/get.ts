import type { Command } from 'commander';
import type { Job } from '../../shared/job/job.ts';
import { isTerminal } from '../../shared/job/job-state.ts';
import { jobId } from '../arguments.ts';
import { exitCodeOfJob } from '../exit-code.ts';
import { examples } from '../help.ts';
import type { Host, Scope } from '../host.ts';
import { callbackOutcome } from '../http/callback-outcome.ts';

/** `get <jobId>`. */
export function defineGet(program: Command, host: Host): Command {
  return program
    .command('get')
    .description('Shows a job as it is now.')
    .argument('<jobId>', 'the id that submit printed', jobId)
    .addHelpText(
      'after',
      examples(
        ['throughline get 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11', 'show its state, trace id and result'],
        ['throughline get 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11 --json | jq .result', 'print only its result'],
      ),
    )
    .action(
      async (id: string, _flags: unknown, command: Command) =>
        await host.run(command, async (scope) => {
          const job = await scope.api.get(id);
          await printJob(job, scope);
          return exitCodeOfJob(job);
        }),
    );
}

/** Prints a job. A person is also told what became of its callback, if it has ended. @throws what Ctrl-C throws */
export async function printJob(job: Job, scope: Scope): Promise<void> {
  const isAsked = isTerminal(job.state) && !scope.output.json;
  scope.output.job(job, isAsked ? await callbackOutcome(job.id, scope) : undefined);
}
