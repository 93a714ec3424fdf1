import type { Command } from 'commander';
import type { UsageReport } from '../../shared/api/usage.ts';
import { EXIT } from '../exit-code.ts';
import { examples } from '../help.ts';
import type { Host } from '../host.ts';
import { tableText } from '../text/table.ts';

/** `usage`. */
export function defineUsage(program: Command, host: Host): Command {
  return program
    .command('usage')
    .description('Shows what your unfinished jobs take, and your quotas.')
    .addHelpText(
      'after',
      examples(
        ['throughline usage', 'show the jobs, the bytes of their inputs, and which of them are delayed'],
        ['throughline usage --json | jq .used.jobs', 'print how many jobs have not ended'],
      ),
    )
    .action(
      async (_flags: unknown, command: Command) =>
        await host.run(command, async ({ api, output }) => {
          const report = await api.usage();
          if (output.json) output.document(report);
          else output.text(usageText(report));
          return EXIT.ok.code;
        }),
    );
}

function usageText({ used, quotas }: UsageReport): string {
  return tableText([
    ['jobs', String(used.jobs), `of ${quotas.jobs}`],
    ['bytes', String(used.bytes), `of ${quotas.bytes}`],
    ['delayed jobs', String(used.delayedJobs), `of ${quotas.delayedJobs}`],
    ['delayed bytes', String(used.delayedBytes), `of ${quotas.delayedBytes}`],
  ]);
}
