import type { JetStreamManager } from '@nats-io/jetstream';
import { ThroughlineError } from '../../../shared/errors.ts';
import { operationFiltersText } from '../../../shared/nats/consumers/operation-filters.ts';
import type { ConsumerDefinition } from '../../../shared/nats/streams.ts';
import { shellCommand } from '../../../shared/text/terminal/shell-command.ts';
import { groupOfConsumer } from '../../../shared/wire/lanes.ts';
import { operationsOfFilter } from '../../../shared/wire/subjects.ts';
import { filtersOfConsumer, overlaps, readGroups, shownOperations } from './group.ts';

/**
 * The error of a consumer that the server refuses, since a consumer of another group takes some of the same jobs.
 * @param definition the consumer that was refused
 */
export async function overlapError(
  manager: JetStreamManager,
  definition: ConsumerDefinition,
  cause: unknown,
): Promise<ThroughlineError> {
  const { durable_name } = definition;
  const group = groupOfConsumer(durable_name);
  const groups = await readGroups(manager).catch(() => []);
  const other = groups.find(({ name, consumers }) =>
    consumers.some((info) => {
      // Of the group itself only a consumer without lanes is in the way: it has the name of the group.
      const isOwn = info.name === durable_name || (name === group && info.name !== group);
      return !isOwn && overlaps(info, definition);
    }),
  );
  if (other?.name === group) {
    const message = `the group "${group}" has a consumer without lanes, which an earlier version made. Stop the hosts of that version, then run: ${shellCommand('throughline groups move', group, group)}`;
    return new ThroughlineError('config-invalid', message, { cause });
  }
  const operations = operationFiltersText(filtersOfConsumer(definition).map(operationsOfFilter));
  const settings = `WORKER_GROUP "${group}" with WORKER_OPERATIONS "${operations}"`;
  const { name, them, takes, move } =
    other === undefined
      ? {
          name: '<group>',
          them: 'another group',
          takes: 'some of the same operations',
          move: `throughline groups move <group> ${group}`,
        }
      : {
          name: other.name,
          them: `the group "${other.name}"`,
          takes: shownOperations(other),
          move: shellCommand('throughline groups move', other.name, group),
        };
  const ways = `join it (WORKER_GROUP=${name}), choose other WORKER_OPERATIONS, or give its jobs to this group: ${move}`;
  const message = `${settings} is in the way of ${them}, which takes ${takes}: a job goes to one group only. You can ${ways}`;
  return new ThroughlineError('config-invalid', message, { cause });
}
