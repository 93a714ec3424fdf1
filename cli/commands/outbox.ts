import type { Command } from 'commander';
import { OUTBOX_LIST_LIMIT } from '../../shared/api/outbox.ts';
import { ATTR } from '../../shared/trace/semantics.ts';
import { EXIT } from '../exit-code.ts';
import { examples } from '../help.ts';
import type { Host, Scope } from '../host.ts';
import { jobId, wholeNumber } from '../options.ts';
import { outboxText } from '../text/outbox-text.ts';
import { createPaint } from '../text/paint.ts';
import { startCaller } from '../trace/caller.ts';
import { HTTP } from '../trace/caller-trace.ts';

/** `outbox list | retry`. */
export function defineOutbox(program: Command, host: Host): Command {
  const group = program
    .command('outbox')
    .description('Shows the accepted jobs that NATS does not have, and sends again what it would not take.');
  defineList(group, host);
  defineRetry(group, host);
  return group;
}

function defineList(group: Command, host: Host): void {
  group
    .command('list')
    .description('Lists jobs that wait for NATS, and jobs that it rejected, with the reason.')
    .option('--limit <n>', 'how many at most', wholeNumber(1, OUTBOX_LIST_LIMIT))
    .addHelpText('after', examples(['throughline outbox list', 'what is pending, and what was rejected']))
    .action(
      async ({ limit }: { readonly limit?: number }, command: Command) =>
        await host.run(command, async ({ api, output }) => {
          const jobs = await api.outbox({ limit });
          if (output.json) output.document({ jobs });
          else if (jobs.length > 0) output.text(outboxText(jobs, createPaint(output.color)));
          else output.hint('NATS has every accepted job');
          return EXIT.ok.code;
        }),
    );
}

function defineRetry(group: Command, host: Host): void {
  group
    .command('retry')
    .description('Sends a rejected job again, once its cause is mended.')
    .argument('<jobId>', 'as list printed it', jobId)
    .addHelpText(
      'after',
      examples(['throughline outbox retry 0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11', 'once more']),
    )
    .action(
      async (id: string, _flags: unknown, command: Command) =>
        await host.run(command, (scope) => retry(id, scope)),
    );
}

async function retry(id: string, scope: Scope): Promise<number> {
  const { api, output } = scope;
  const caller = await startCaller(scope);
  const attributes = { [ATTR.jobId]: id, [HTTP.method]: 'POST', [HTTP.url]: api.outboxUrl };
  output.job(await caller.run('retry', attributes, (carrier) => api.retry(id, { trace: carrier })));
  output.hint(`follow it with: throughline watch ${id}`);
  return EXIT.ok.code;
}
