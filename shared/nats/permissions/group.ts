import { INBOX, operationsFilter } from '../../wire/subjects.ts';
import { groupConsumers } from '../streams.ts';
import type { Permission } from './permission.ts';
import { neededByWorker } from './worker.ts';

/** The inbox of the workers of a group. It lies within the inbox of all workers, so a user of all groups may read it too. */
export function groupInbox(group: string): string {
  return `${INBOX.worker}.${group}`;
}

/**
 * What the user of one worker group must be allowed: the permissions of a worker, without those for the jobs, dead letters and
 * announcements of other operations, and for the answers to other groups. NATS has no wildcard within a name, so each consumer
 * of the group is named.
 * @param operations operations' names, and prefixes of some followed by `.>`. With several, NATS cannot limit what the group's
 *   own consumers take: its user may let them take any jobs that no other group takes
 * @param ownLanes the tenants whose own lanes the group serves
 * @throws ThroughlineError `config-invalid` if one of `operations` is no filter
 */
export function groupPermissions(
  group: string,
  operations: readonly string[],
  ownLanes: readonly string[] = [],
): Permission[] {
  const consumers = groupConsumers({ group, operations, ackWaitMs: 0, maxAckPending: 0, ownLanes }).map(
    ({ definition }) => ({ name: definition.durable_name, filter: definition.filter_subject ?? '' }),
  );
  const filters = operations.map(operationsFilter);
  const narrowed = (subject: string): string[] => {
    if (subject === 'dead.*.*.>') return filters.map((filter) => `dead.${filter}`);
    if (subject === '$KV.OPERATIONS.>') return operations.map((filter) => `$KV.OPERATIONS.${filter}`);
    if (subject === '$KV.LIMITS.*.*.>') return filters.map((filter) => `$KV.LIMITS.${filter}`);
    if (subject === `${INBOX.worker}.>`) return [`${groupInbox(group)}.>`];
    if (!subject.includes('.JOBS.*')) return [subject];
    return consumers.map((consumer) =>
      subject.replace('.JOBS.*', `.JOBS.${consumer.name}`).replace('jobs.>', consumer.filter),
    );
  };
  return neededByWorker(operations).flatMap((permission) =>
    narrowed(permission.subject).map((subject) => ({ ...permission, subject })),
  );
}

/** Permissions in the language of nats-server's configuration, as the value of a variable. */
export function permissionsText(name: string, permissions: readonly Permission[]): string {
  const blockOf = (action: Permission['action']): string[] => [
    `  ${action} {`,
    '    allow: [',
    ...permissions.filter((one) => one.action === action).map(({ subject }) => `      "${subject}"`),
    '    ]',
    '  }',
  ];
  return [`${name} {`, ...blockOf('publish'), ...blockOf('subscribe'), '}'].join('\n');
}
