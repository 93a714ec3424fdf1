/** The settings that a consumer must have, one row per setting, as `stream-rules.ts` has them for streams. */
import { type Finding, type Fix, isAbsent, isOff, isUnlimited, type Level, shown } from '../finding.ts';
import type { ConsumerDefinition } from '../streams.ts';

interface ConsumerRule {
  readonly setting: string;
  readonly wanted?: string;
  readonly holds: (value: unknown, definition: ConsumerDefinition) => boolean;
  readonly why: string;
  /** `breaks` if it is not there. */
  readonly level?: Level;
  readonly fix: Fix;
}

export const CONSUMER_RULES: readonly ConsumerRule[] = [
  {
    setting: 'filter_subject',
    holds: (value, { filter_subject }) => (value ?? undefined) === filter_subject,
    why: 'use another WORKER_GROUP for other WORKER_OPERATIONS, or change the group with `throughline groups move`',
    fix: 'edit',
  },
  {
    setting: 'filter_subjects',
    holds: (value, { filter_subjects }) => isSameList(value, filter_subjects),
    why: 'use another WORKER_GROUP for other WORKER_OPERATIONS, or change the group with `throughline groups move`',
    fix: 'edit',
  },
  {
    setting: 'ack_policy',
    holds: (value, { ack_policy }) => value === ack_policy,
    why: 'a job would count as done before it is',
    fix: 'recreate',
  },
  {
    setting: 'deliver_policy',
    holds: (value, { deliver_policy }) => value === deliver_policy,
    why: 'jobs that are in the queue already would never run',
    fix: 'recreate',
  },
  {
    setting: 'max_deliver',
    holds: (value) => isUnlimited(value),
    why: 'a job with more deliveries would stay in the queue, and no worker would see it; the worker counts attempts itself',
    fix: 'edit',
  },
  {
    setting: 'deliver_subject',
    wanted: 'none',
    holds: isAbsent,
    why: 'workers pull their messages',
    fix: 'recreate',
  },
  {
    setting: 'headers_only',
    wanted: 'false',
    holds: isOff,
    why: 'jobs would come without their input',
    fix: 'edit',
  },
  {
    setting: 'backoff',
    wanted: 'none',
    holds: isAbsent,
    why: 'it would replace WORKER_ACK_WAIT_MS, which keeps a running job alive',
    fix: 'edit',
  },
  {
    setting: 'mem_storage',
    wanted: 'false',
    holds: isOff,
    why: 'the count of deliveries would not survive a restart of the server',
    fix: 'recreate',
  },
  {
    setting: 'inactive_threshold',
    wanted: '0',
    holds: isUnlimited,
    why: 'after this time without workers the server would delete the consumer, and the count of deliveries with it',
    fix: 'edit',
  },
  {
    setting: 'priority_policy',
    wanted: 'none',
    holds: (value) => isAbsent(value) || value === 'none',
    why: 'the server would refuse pulls that name no priority group',
    fix: 'edit',
  },
  {
    setting: 'pause_until',
    wanted: 'none',
    holds: (value) => !(Date.parse(String(value)) > Date.now()),
    why: 'NATS delivers none of its messages until then',
    level: 'weakens',
    fix: 'resume',
  },
];

/** Whether a list has these values, in any order. A list without values counts as none. */
function isSameList(value: unknown, wanted: readonly string[] = []): boolean {
  if (isAbsent(value)) return wanted.length === 0;
  return Array.isArray(value) && value.length === wanted.length && wanted.every((one) => value.includes(one));
}

/**
 * The settings of an existing consumer that break a promise, or weaken one.
 * @param definition what the consumer should be
 * @param stream the name of its stream
 */
export function consumerFindings(
  config: Readonly<Record<string, unknown>>,
  definition: ConsumerDefinition,
  stream: string,
): Finding[] {
  return CONSUMER_RULES.filter(({ setting, holds }) => !holds(config[setting], definition)).map(
    ({ setting, wanted, why, level = 'breaks', fix }): Finding => ({
      of: `consumer ${definition.durable_name} of ${stream}`,
      setting,
      actual: config[setting],
      wanted: wanted ?? shown(definition[setting as keyof ConsumerDefinition]),
      why,
      level,
      fix,
    }),
  );
}
