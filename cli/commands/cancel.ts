import type { Command } from 'commander';
import { isTerminal, type Job } from '../../shared/job/job.ts';
import { ATTR } from '../../shared/trace/semantics.ts';
import { jobId, secondsOfWait, WAIT_HELP, waitSeconds } from '../arguments.ts';
import { EXIT } from '../exit-code.ts';
import { examples } from '../help.ts';
import type { Host, Scope } from '../host.ts';

/** `cancel <jobId>`. */
export function defineCancel(program: Command, host: Host): Command {
  return program
    .command('cancel')
    .description('Cancels a job. A job in the queue never runs; a running job is told to end.')
    .argument('<jobId>', 'the id that submit printed', jobId)
    .option('--wait [seconds]', `wait until a running job has ended, ${WAIT_HELP}`, waitSeconds)
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
      ),
    )
    .action(
      async (id: string, { wait }: { wait?: number | true }, command: Command) =>
        await host.run(command, (scope) => cancel(id, secondsOfWait(wait), scope)),
    );
}

async function cancel(id: string, wait: number | undefined, scope: Scope): Promise<number> {
  const { output } = scope;
  const job = await sendCancel(id, wait, scope);
  output.job(job);
  if (isTerminal(job.state)) return EXIT.ok.code;
  output.hint(`its worker was told to end it; follow it with: throughline watch ${job.id}`);
  return wait === undefined ? EXIT.ok.code : EXIT.unfinished.code;
}

async function sendCancel(id: string, wait: number | undefined, scope: Scope): Promise<Job> {
  const { api, output } = scope;
  const trace = await scope.startTrace();
  const status = output.statusLine();
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
