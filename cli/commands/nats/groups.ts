import { type Command, InvalidArgumentError } from 'commander';
import { isToken } from '../../../shared/job/job-address.ts';
import {
  operationFiltersFault,
  readOperationFilters,
} from '../../../shared/nats/consumers/operation-filters.ts';
import type { WorkerGroup, WorkerGroups } from '../../../worker-node/broker/groups/worker-groups.ts';
import { EXIT } from '../../exit-code.ts';
import { examples } from '../../help.ts';
import type { Host } from '../../host.ts';
import { waiting } from '../../text/counted.ts';
import type { Output } from '../../text/output.ts';
import { tableText } from '../../text/table.ts';

interface MoveFlags {
  readonly operations?: readonly string[];
  readonly force?: boolean;
}

interface PermissionFlags {
  readonly ownLanes: readonly string[];
}

/** `groups list | move | remove | permissions`. All but the last call NATS with the worker's settings, and not the API. */
export function defineGroups(program: Command, host: Host): Command {
  const groups = program
    .command('groups')
    .description('Shows the worker groups, renames them, gives them other operations, and removes them.');
  defineList(groups, host);
  defineMove(groups, host);
  defineRemove(groups, host);
  definePermissions(groups, host);
  return groups;
}

function defineList(groups: Command, host: Host): void {
  groups
    .command('list')
    .description('Lists the worker groups, with their operations and hosts.')
    .addHelpText(
      'after',
      examples(
        [
          'NATS_URL=tls://nats.example.com:4222 NATS_USER=setup throughline groups list',
          'set the settings as environment variables',
        ],
        ["throughline groups list --json | jq '.groups[] | select(.hosts == [])'", 'groups without hosts'],
      ),
    )
    .action(async (_flags: unknown, command: Command) =>
      runGroups(host, command, async (all, output) => {
        const list = await all.list();
        if (output.json) output.document({ groups: list });
        else if (list.length > 0) output.text(groupsText(list));
        else output.note('there are no worker groups');
      }),
    );
}

function defineMove(groups: Command, host: Host): void {
  groups
    .command('move')
    .description('Gives the jobs of a group to a group of another name. Stop its workers first.')
    .argument('<from>', 'the WORKER_GROUP so far', groupName)
    .argument('<to>', 'the new WORKER_GROUP; the same name with --operations', groupName)
    .option(
      '--operations <filters>',
      'the new WORKER_OPERATIONS, such as image.>,mail.send',
      operationFilters,
    )
    .option('--force', 'also while its workers are alive; their running jobs start again elsewhere')
    .addHelpText(
      'after',
      examples(
        ['throughline groups move workers images', 'before you start workers with WORKER_GROUP=images'],
        [
          "throughline groups move workers workers --operations 'image.>'",
          'let the group take other operations',
        ],
      ),
    )
    .action(
      async (from: string, to: string, { operations, force = false }: MoveFlags, command: Command) =>
        await runGroups(host, command, async (all, output) => {
          const group = await all.move({ from, to, operations, force });
          output.result(group, () => groupsText([group]));
        }),
    );
}

function defineRemove(groups: Command, host: Host): void {
  groups
    .command('remove')
    .description('Removes a group. Its jobs wait for another group that takes their operations.')
    .argument('<group>', 'its WORKER_GROUP', groupName)
    .option('--force', 'also while its workers are alive; their running jobs start again elsewhere')
    .addHelpText(
      'after',
      examples(['throughline groups remove old-workers', 'remove a group that has no workers any more']),
    )
    .action(
      async (name: string, { force = false }: MoveFlags, command: Command) =>
        await runGroups(host, command, async (all, output) => {
          const group = await all.remove(name, force);
          if (output.json) output.document(group);
          const left = group.waiting + group.unsettled;
          if (left > 0) output.warn(`${waiting(left, 'job', ' of its operations')} for another group`);
        }),
    );
}

function definePermissions(groups: Command, host: Host): void {
  groups
    .command('permissions')
    .description(
      'Prints what the NATS user of a group must be allowed, for the configuration of nats-server.',
    )
    .argument('<group>', 'its WORKER_GROUP', groupName)
    .argument('<operations>', 'its WORKER_OPERATIONS, such as image.>,mail.send', operationFilters)
    .option('--own-lanes <tenants>', 'its WORKER_OWN_LANES, such as acme,globex', tenantNames, [])
    .addHelpText(
      'after',
      examples(["throughline groups permissions images 'image.>' > images.conf", 'a file to include']),
    )
    .action(
      async (group: string, operations: readonly string[], { ownLanes }: PermissionFlags, command: Command) =>
        await host.runLocal(command, async (output) => {
          const { groupPermissions, permissionsText } = await import(
            '../../../shared/nats/permissions/group.ts'
          );
          const permissions = groupPermissions(group, operations, ownLanes);
          if (operations.length > 1) output.warn(UNLIMITED);
          const name = `${group.replaceAll('-', '_').toUpperCase()}_PERMISSIONS`;
          output.result({ permissions }, () => permissionsText(name, permissions));
          return EXIT.ok.code;
        }),
    );
}

/** What `groups permissions` says of a group with several filters. */
const UNLIMITED =
  'NATS cannot see which jobs a consumer with several filters takes: this user may let the consumers of its group take any job that no other group takes. With one operation or prefix it may not';

function operationFilters(text: string): string[] {
  const filters = readOperationFilters(text);
  const fault = operationFiltersFault(filters);
  if (fault === undefined) return filters;
  throw new InvalidArgumentError(`It ${fault}.`);
}

async function runGroups(
  host: Host,
  command: Command,
  work: (groups: WorkerGroups, output: Output) => Promise<void>,
): Promise<void> {
  await host.runLocal(command, async (output) => {
    // Imported only here, so that other commands do not load a NATS client.
    const { WorkerGroups } = await import('../../../worker-node/broker/groups/worker-groups.ts');
    const { withOperator } = await import('../../../worker-node/broker/operate/operator-session.ts');
    const warn = (sentence: string): void => output.warn(sentence);
    await withOperator(host.environment, warn, (broker) => work(new WorkerGroups(broker), output));
    return EXIT.ok.code;
  });
}

function groupsText(groups: readonly WorkerGroup[]): string {
  return tableText([
    ['GROUP', 'OPERATIONS', 'WAITING', 'UNSETTLED', 'HOSTS'],
    ...groups.map(({ name, operations, waiting, unsettled, hosts }) => [
      name,
      operations.join(' '),
      String(waiting),
      String(unsettled),
      hosts.length === 0 ? 'none' : hosts.join(' '),
    ]),
  ]);
}

function tenantNames(text: string): string[] {
  const names = text.split(',');
  if (names.every(isToken)) return names;
  throw new InvalidArgumentError('A tenant is 1 to 64 letters, digits, "_" or "-".');
}

function groupName(text: string): string {
  if (isToken(text)) return text;
  throw new InvalidArgumentError('A group is 1 to 64 letters, digits, "_" or "-".');
}
