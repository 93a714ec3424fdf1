import type { Command } from 'commander';
import type { ListedOperation } from '../../../shared/api/answers/operation-list.ts';
import { defined } from '../../../shared/defined.ts';
import type { HostState } from '../../../worker-node/broker/operate/nats-report.ts';
import { EXIT } from '../../exit-code.ts';
import { examples } from '../../help.ts';
import type { Host } from '../../host.ts';
import { askNats, type NatsAnswer } from '../../operate/ask-nats.ts';
import type { Output } from '../../text/output.ts';
import { tableText } from '../../text/table.ts';

/** `operations`. */
export function defineOperations(program: Command, host: Host): Command {
  return program
    .command('operations')
    .description(
      'Lists the operations: how many hosts run each, since when, and who paused it. With NATS_URL, the hosts and their versions too.',
    )
    .addHelpText(
      'after',
      examples(
        ['throughline operations', 'list what can be run'],
        [
          "throughline operations --json | jq -r '.operations[] | select(.hosts == 0) | .name'",
          'print the operations that no host serves',
        ],
      ),
    )
    .action(
      async (_flags: unknown, command: Command) =>
        await host.run(command, async ({ api, output }) => {
          const [listed, nats] = await Promise.all([api.operations(), askNats(host.environment)]);
          const hosts = 'report' in nats ? nats.report.hosts : undefined;
          const operations = listed.map((operation) => withServing(operation, hosts));
          const unasked = 'unasked' in nats ? nats.unasked : undefined;
          if (output.json) output.document({ operations, ...defined({ unasked }) });
          else if (operations.length > 0) output.text(operationsText(operations));
          else output.note('no worker has announced an operation');
          sayUnasked(nats, output);
          return EXIT.ok.code;
        }),
    );
}

/** Says why no hosts are shown. Somebody who named a NATS gets the warning in a pipe too. */
function sayUnasked(nats: NatsAnswer, output: Output): void {
  if (!('unasked' in nats)) return;
  const sentence = `hosts and versions are not shown: ${nats.unasked}`;
  if (nats.fault === undefined) output.hint(sentence);
  else output.warn(sentence);
}

interface ServedOperation extends ListedOperation {
  /** The hosts that can run it; absent if NATS was not asked. */
  readonly servedBy?: readonly Pick<HostState, 'host' | 'group' | 'version' | 'since'>[];
}

function withServing(operation: ListedOperation, hosts: readonly HostState[] | undefined): ServedOperation {
  if (hosts === undefined) return operation;
  const servedBy = hosts
    .filter(({ operations }) => operations.includes(operation.name))
    .map(({ host, group, version, since }) => ({ host, group, version, since }));
  return { ...operation, servedBy };
}

function operationsText(operations: readonly ServedOperation[]): string {
  return tableText([
    ['OPERATION', 'HOSTS', 'SINCE', 'VERSIONS', 'PAUSED'],
    ...operations.map(({ name, hosts, since, servedBy, paused }) => [
      name,
      servedBy === undefined || servedBy.length === 0 ? String(hosts ?? '?') : names(servedBy),
      since ?? '',
      [...new Set(servedBy?.map(({ version }) => version))].join(' '),
      paused === undefined ? '' : `by ${paused.by} since ${paused.since}${because(paused.reason)}`,
    ]),
  ]);
}

function names(servedBy: readonly { readonly host: string }[]): string {
  return servedBy.map(({ host }) => host).join(' ');
}

function because(reason: string | undefined): string {
  return reason === undefined ? '' : `: ${reason}`;
}
