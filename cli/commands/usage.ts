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
    .description('Shows what you use, and your quotas.')
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
          output.result(report, () => usageText(report));
          return EXIT.ok.code;
        }),
    );
}

/** What each quota is called. */
const NAMES: Readonly<Record<keyof UsageReport['quotas'], string>> = {
  jobs: 'jobs',
  bytes: 'bytes',
  delayedJobs: 'delayed jobs',
  delayedBytes: 'delayed bytes',
  storedBytes: 'stored bytes',
  outboxJobs: 'jobs in the outbox',
  outboxBytes: 'bytes in the outbox',
  waits: 'waits',
  streams: 'event streams',
  schedules: 'schedules',
  requests: 'requests per second',
};

function usageText({ used, quotas }: UsageReport): string {
  const counts: Readonly<Partial<Record<string, number>>> = used;
  return tableText(
    Object.entries(NAMES).map(([quota, name]) => [
      name,
      String(counts[quota] ?? ''),
      `of ${quotas[quota as keyof typeof quotas]}`,
    ]),
  );
}
