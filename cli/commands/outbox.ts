import type { Command } from 'commander';
import { OUTBOX_LIST_LIMIT } from '../../shared/api/page-limits.ts';
import { ATTR } from '../../shared/trace/semantics.ts';
import { jobId, wholeNumber } from '../arguments.ts';
import { EXIT } from '../exit-code.ts';
import { examples } from '../help.ts';
import type { Host, Scope } from '../host.ts';
import { outboxText } from '../text/list-text.ts';

/** `outbox list | retry | remove`. */
export function defineOutbox(program: Command, host: Host): Command {
  const outbox = program
    .command('outbox')
    .description(
      'Shows the accepted jobs that NATS does not have, sends rejected jobs again, or gives them up.',
    );
  defineList(outbox, host);
  defineRetry(outbox, host);
  defineRemove(outbox, host);
  return outbox;
}

function defineList(outbox: Command, host: Host): void {
  outbox
    .command('list')
    .description('Lists pending jobs, and rejected jobs with the reason, in the order of the queue.')
    .option(
      '--limit <n>',
      `the most to list, up to ${OUTBOX_LIST_LIMIT} (default: ${OUTBOX_LIST_LIMIT})`,
      wholeNumber(1, OUTBOX_LIST_LIMIT),
    )
    .addHelpText('after', examples(['throughline outbox list', 'list pending and rejected jobs']))
    .action(
      async ({ limit }: { readonly limit?: number }, command: Command) =>
        await host.run(command, async ({ api, output }) => {
          const jobs = await api.outbox({ limit });
          if (output.json) output.document({ jobs });
          else if (jobs.length > 0) output.text(outboxText(jobs, output.paint));
          else output.note('the outbox is empty: NATS has every accepted job');
          return EXIT.ok.code;
        }),
    );
}

function defineRetry(outbox: Command, host: Host): void {
  outbox
    .command('retry')
    .description('Sends a rejected job again. Fix the reason first.')
    .argument('<id>', 'the id that list printed', jobId)
    .addHelpText(
      'after',
      examples(['throughline outbox retry 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11-r17', 'send it again']),
    )
    .action(
      async (id: string, _flags: unknown, command: Command) =>
        await host.run(command, (scope) => retry(id, scope)),
    );
}

async function retry(id: string, scope: Scope): Promise<number> {
  const { api, output } = scope;
  const trace = await scope.startTrace();
  const attributes = { [ATTR.jobId]: id, [ATTR.httpMethod]: 'POST', [ATTR.urlFull]: api.outboxUrl };
  const job = await trace.run('retry', attributes, (carrier) => api.retry(id, { trace: carrier }));
  output.sentAgain(job);
  return EXIT.ok.code;
}

function defineRemove(outbox: Command, host: Host): void {
  outbox
    .command('remove')
    .description('Gives a rejected job up. It ends as cancelled, unless another job has its job id.')
    .argument('<id>', 'the id that list printed', jobId)
    .addHelpText(
      'after',
      examples(['throughline outbox remove 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11-r17', 'give it up']),
    )
    .action(
      async (id: string, _flags: unknown, command: Command) =>
        await host.run(command, async ({ api, output }) => {
          const item = await api.removeRejected(id);
          output.result(item, () => `${item.id} is removed`);
          return EXIT.ok.code;
        }),
    );
}
