import type { Command } from 'commander';
import type { HostState } from '../../../worker-node/broker/operate/nats-report.ts';
import { EXIT } from '../../exit-code.ts';
import { examples } from '../../help.ts';
import type { Host } from '../../host.ts';
import { clockText } from '../../operate/clock-text.ts';
import { tableText } from '../../text/table.ts';

/** `workers`. It calls NATS with the worker's settings, and not the API. */
export function defineWorkers(program: Command, host: Host): Command {
  return program
    .command('workers')
    .description('Lists the worker hosts that are alive: group, version, slots, clock, operations.')
    .addHelpText(
      'after',
      examples(
        [
          'NATS_URL=tls://nats.example.com:4222 NATS_USER=setup throughline workers',
          'set the settings as environment variables',
        ],
        ["throughline workers --json | jq -r '.workers[].version' | sort -u", 'print the versions'],
      ),
    )
    .action(
      async (_flags: unknown, command: Command) =>
        await host.runLocal(command, async (output) => {
          // Imported only here, so that other commands do not load a NATS client.
          const { withOperator } = await import('../../../worker-node/broker/operate/operator-session.ts');
          const { natsReport } = await import('../../../worker-node/broker/operate/nats-report.ts');
          const warn = (sentence: string): void => output.warn(sentence);
          const { hosts } = await withOperator(host.environment, warn, natsReport);
          if (output.json) output.document({ workers: hosts });
          else if (hosts.length > 0) output.text(workersText(hosts));
          else output.note('no worker host is alive');
          return EXIT.ok.code;
        }),
    );
}

function workersText(hosts: readonly HostState[]): string {
  return tableText([
    ['HOST', 'GROUP', 'VERSION', 'SINCE', 'SLOTS', 'CLOCK', 'OPERATIONS'],
    ...hosts.map(({ host, group, version, since, concurrency, clockAheadMs, operations }) => [
      host,
      group,
      version,
      since,
      String(concurrency),
      clockText(clockAheadMs),
      operations.join(' '),
    ]),
  ]);
}
