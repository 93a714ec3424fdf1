/** What of an existing consumer breaks a promise, as `stream-rules.ts` says it of streams. */
import { type Finding, isAbsent, isOff, isUnlimited, type Mend, shown } from './finding.ts';
import type { ConsumerDefinition } from './streams.ts';

interface ConsumerRule {
  readonly setting: string;
  readonly wanted?: string;
  readonly holds: (value: unknown, definition: ConsumerDefinition) => boolean;
  readonly why: string;
  readonly mend: Mend;
}

export const CONSUMER_RULES: readonly ConsumerRule[] = [
  {
    setting: 'filter_subject',
    holds: (value, { filter_subject }) => value === filter_subject,
    why: 'use another WORKER_GROUP for other WORKER_OPERATIONS',
    mend: 'edit',
  },
  {
    setting: 'filter_subjects',
    wanted: 'none',
    holds: isAbsent,
    why: 'use another WORKER_GROUP for other WORKER_OPERATIONS',
    mend: 'edit',
  },
  {
    setting: 'ack_policy',
    holds: (value, { ack_policy }) => value === ack_policy,
    why: 'a job would count as done before it is',
    mend: 'recreate',
  },
  {
    setting: 'deliver_policy',
    holds: (value, { deliver_policy }) => value === deliver_policy,
    why: 'jobs that are queued already would never run',
    mend: 'recreate',
  },
  {
    setting: 'max_deliver',
    holds: (value) => isUnlimited(value),
    why: 'a job past it would stay in the queue, unseen; the worker counts attempts itself',
    mend: 'edit',
  },
  {
    setting: 'deliver_subject',
    wanted: 'none',
    holds: isAbsent,
    why: 'workers pull',
    mend: 'recreate',
  },
  {
    setting: 'headers_only',
    wanted: 'false',
    holds: isOff,
    why: 'jobs would come without their input',
    mend: 'edit',
  },
  {
    setting: 'backoff',
    wanted: 'none',
    holds: isAbsent,
    why: 'it takes the place of WORKER_ACK_WAIT_MS, by which a running job is kept alive',
    mend: 'edit',
  },
  {
    setting: 'mem_storage',
    wanted: 'false',
    holds: isOff,
    why: 'the count of attempts would not survive a restart of the server',
    mend: 'recreate',
  },
  {
    setting: 'inactive_threshold',
    wanted: '0',
    holds: isUnlimited,
    why: 'without workers for this time it would be removed, and with it the count of attempts',
    mend: 'edit',
  },
  {
    setting: 'priority_policy',
    wanted: 'none',
    holds: (value) => isAbsent(value) || value === 'none',
    why: 'the server would refuse pulls that name no priority group',
    mend: 'edit',
  },
];

/** What an existing consumer of `stream` that worker hosts share differs in that matters. */
export function consumerFindings(
  config: Readonly<Record<string, unknown>>,
  definition: ConsumerDefinition,
  stream: string,
): Finding[] {
  return CONSUMER_RULES.filter(({ setting, holds }) => !holds(config[setting], definition)).map(
    ({ setting, wanted, why, mend }): Finding => ({
      of: `consumer ${definition.durable_name} of ${stream}`,
      setting,
      actual: config[setting],
      wanted: wanted ?? shown(definition[setting as keyof ConsumerDefinition]),
      why,
      level: 'breaks',
      mend,
    }),
  );
}
