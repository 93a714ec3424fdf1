import type { Command } from 'commander';
import { isTerminal, type Job, LIMITS } from '../../shared/job/job.ts';
import { ATTR } from '../../shared/trace/semantics.ts';
import { EXIT } from '../exit-code.ts';
import { examples } from '../help.ts';
import type { Host, Scope } from '../host.ts';
import { jobId, wholeNumber } from '../options.ts';
import { startCaller } from '../trace/caller.ts';
import { type CallerTrace, HTTP } from '../trace/caller-trace.ts';

const DEFAULT_WAIT_SECONDS = 30;

/** `cancel <jobId>`. */
export function defineCancel(program: Command, host: Host): Command {
  return program
    .command('cancel')
    .description('Cancels a job: one that is queued never runs, one that runs is told to end.')
    .argument('<jobId>', 'as submit printed it', jobId)
    .option(
      '--wait [seconds]',
      `wait for the end of a job that runs, 1 to ${LIMITS.waitSeconds} seconds (default ${DEFAULT_WAIT_SECONDS}); exit code 4 when it takes longer`,
      wholeNumber(1, LIMITS.waitSeconds, ' Write --wait=30, or put --wait last.'),
    )
    .addHelpText(
      'after',
      examples(
        ['throughline cancel 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11', 'exit code 1 when it had ended before'],
        [
          'throughline cancel 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11 --wait',
          'until its worker has let go of it',
        ],
      ),
    )
    .action(
      async (id: string, { wait }: { wait?: number | true }, command: Command) =>
        await host.run(command, (scope) => cancel(id, wait === true ? DEFAULT_WAIT_SECONDS : wait, scope)),
    );
}

async function cancel(id: string, wait: number | undefined, scope: Scope): Promise<number> {
  const { output } = scope;
  const caller = await startCaller(scope);
  const job = await send(caller, id, wait, scope);
  output.job(job);
  if (isTerminal(job.state)) return EXIT.ok.code;
  output.hint(`its worker was told; follow it with: throughline watch ${job.id}`);
  return wait === undefined ? EXIT.ok.code : EXIT.unfinished.code;
}

async function send(
  caller: CallerTrace,
  id: string,
  wait: number | undefined,
  { api, output }: Scope,
): Promise<Job> {
  const status = output.statusLine();
  if (wait !== undefined) status.show(`waiting for the end of ${id}`);
  const attributes = { [ATTR.jobId]: id, [HTTP.method]: 'DELETE', [HTTP.url]: api.jobUrl(id) };
  try {
    return await caller.run('cancel', attributes, async (carrier, span) => {
      const answer = await api.cancel(id, { trace: carrier, waitSeconds: wait });
      span.setAttribute(HTTP.status, answer.status);
      return answer.job;
    });
  } finally {
    status.clear();
  }
}
