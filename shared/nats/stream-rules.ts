/**
 * The settings that a stream must have, one row per setting: the streams that it is for, its value, and why. A worker
 * does not start while a setting breaks a promise, and `throughline setup` says how to fix it. The settings are those of
 * nats-server: `StreamConfig` in server/stream.go.
 */

import { LIMITS } from '../job/limits.ts';
import { BUCKET_RULES, BUCKETS } from './bucket-rules.ts';
import { CAP_RULES } from './cap-rules.ts';
import { CONSUMER_LIMIT_RULES } from './consumers/consumer-limit-rules.ts';
import { type Finding, isAbsent, isOff, isOn, isUnlimited, shown } from './finding.ts';
import { EVENT_BYTES, JOB_BYTES } from './message-sizes.ts';
import type { StreamRule } from './stream-rule.ts';
import {
  CALLBACKS_STREAM,
  CANCELS_STREAM,
  DEAD_STREAM,
  DELAYED_STREAM,
  EVENTS_STREAM,
  FROM_DELAYED,
  HOSTS_MAX_AGE_MS,
  HOSTS_STREAM,
  JOBS_STREAM,
  LIMITS_STREAM,
  NANOS_PER_MS,
  OPERATIONS_STREAM,
  type StreamDefinition,
} from './streams.ts';

const HOUR_MS = 3_600_000;
const KIB = 1_024;

const AGING = [EVENTS_STREAM, DEAD_STREAM, CANCELS_STREAM];
const DEDUPLICATED = [JOBS_STREAM, DELAYED_STREAM, EVENTS_STREAM, DEAD_STREAM, CALLBACKS_STREAM];
/** Streams in which one message must not be able to remove others. `DELAYED` is not among them: schedules need roll-ups. */
const WITHOUT_ROLLUP = [JOBS_STREAM, CALLBACKS_STREAM, ...AGING, ...BUCKETS];
/** The first words of the subjects of our streams, and wildcards that match them. */
const OWN_ROOTS = ['jobs', 'delayed', 'due', 'events', 'dead', 'cancel', 'callbacks', '$KV', '*', '>'];

const asDefined =
  (setting: keyof StreamDefinition) =>
  (value: unknown, definition: StreamDefinition): boolean =>
    value === definition[setting];
const lastsAtLeast =
  (ms: number) =>
  (value: unknown): boolean =>
    isUnlimited(value) || Number(value) >= ms * NANOS_PER_MS;
const takes =
  (bytes: number) =>
  (value: unknown): boolean =>
    isUnlimited(value) || Number(value) >= bytes;

export const STREAM_RULES: readonly StreamRule[] = [
  {
    setting: 'subjects',
    holds: (value, { subjects }) =>
      same([...((value as string[] | undefined) ?? [])].sort(), [...subjects].sort()),
    why: 'a message on a subject that no stream takes is lost, and a message on a foreign subject would be taken for ours',
    fix: 'edit',
  },
  {
    setting: 'retention',
    holds: asDefined('retention'),
    why: 'the work queue keeps a job until it is acknowledged; the messages of the other streams are read more than once',
    fix: (value, { retention }) => ([value, retention].includes('workqueue') ? 'recreate' : 'edit'),
  },
  {
    setting: 'storage',
    holds: asDefined('storage'),
    why: 'messages in memory do not survive a restart of the server',
    fix: 'recreate',
  },
  {
    setting: 'discard',
    holds: asDefined('discard'),
    why: 'a full queue must refuse a job instead of forgetting an older one; a full history must not stop the jobs',
    fix: 'edit',
  },
  {
    setting: 'max_age',
    streams: [JOBS_STREAM],
    wanted: '0',
    holds: isUnlimited,
    why: 'a job that waits longer would be dropped, and nobody would know',
    fix: 'edit',
  },
  {
    setting: 'max_age',
    streams: [EVENTS_STREAM],
    wanted: 'at least 48 h',
    holds: lastsAtLeast(48 * HOUR_MS),
    why: 'the last event of a job holds its state and its idempotency key, which must last 24 h',
    fix: 'edit',
  },
  {
    setting: 'max_age',
    streams: [DEAD_STREAM],
    wanted: 'at least 48 h',
    holds: lastsAtLeast(48 * HOUR_MS),
    why: 'a dead letter would be gone before anybody could redrive it',
    fix: 'edit',
  },
  {
    setting: 'max_age',
    streams: [CANCELS_STREAM],
    wanted: 'at least 24 h',
    holds: lastsAtLeast(LIMITS.timeoutMs),
    why: 'an attempt may last that long, and a worker that was disconnected looks here for a cancel',
    fix: 'edit',
  },
  {
    setting: 'max_age',
    streams: [CALLBACKS_STREAM],
    wanted: 'at least 48 h',
    holds: lastsAtLeast(48 * HOUR_MS),
    why: 'a callback is tried again for up to 25 hours, and would be dropped before that',
    fix: 'edit',
  },
  {
    setting: 'max_age',
    streams: [DELAYED_STREAM],
    wanted: 'more than 30 days',
    holds: lastsAtLeast(LIMITS.delayMs + HOUR_MS),
    why: 'a job may be delayed that long, and would be dropped before its time',
    fix: 'edit',
  },
  {
    setting: 'max_age',
    streams: [OPERATIONS_STREAM],
    wanted: '0',
    holds: isUnlimited,
    why: 'a worker writes an operation again only when it is missing or changed; after this time it would be unknown for a moment',
    fix: 'edit',
  },
  {
    setting: 'max_age',
    streams: [HOSTS_STREAM],
    wanted: '90 s',
    holds: (value) => value === HOSTS_MAX_AGE_MS * NANOS_PER_MS,
    why: 'a host renews its announcement within this time; with a longer one, hosts that are gone stay in the bucket',
    level: 'weakens',
    fix: 'setup',
  },
  {
    setting: 'max_age',
    streams: [LIMITS_STREAM],
    wanted: 'more than 24 h',
    holds: lastsAtLeast(LIMITS.ratePeriodMs + HOUR_MS),
    why: 'the starts of jobs would be forgotten before the period of their limit is over',
    fix: 'edit',
  },
  {
    setting: 'max_msgs_per_subject',
    streams: [JOBS_STREAM, DELAYED_STREAM, EVENTS_STREAM, CALLBACKS_STREAM],
    wanted: '-1',
    holds: isUnlimited,
    why: 'a redriven job, or the history of a job, is several messages on one subject',
    fix: 'edit',
  },
  {
    setting: 'discard_new_per_subject',
    wanted: 'false',
    holds: isOff,
    why: 'a second message of a job would be refused',
    fix: 'edit',
  },
  ...CAP_RULES,
  ...(['max_msgs', 'max_bytes'] as const).map(
    (setting): StreamRule => ({
      setting,
      streams: [DELAYED_STREAM],
      wanted: '-1',
      holds: isUnlimited,
      why: 'this stream cannot discard new messages, so a full one would drop delayed jobs that were accepted',
      fix: 'edit',
    }),
  ),
  ...(['max_msgs', 'max_bytes'] as const).map(
    (setting): StreamRule => ({
      setting,
      streams: AGING,
      wanted: '-1',
      holds: isUnlimited,
      why: 'a full stream drops its oldest messages before their time: states, idempotency keys, dead letters, cancels',
      level: 'weakens',
      fix: 'edit',
    }),
  ),
  {
    setting: 'max_msg_size',
    streams: [JOBS_STREAM, DELAYED_STREAM, DEAD_STREAM],
    wanted: `-1, or at least ${JOB_BYTES}`,
    holds: takes(JOB_BYTES),
    why: `a job may have ${LIMITS.inputBytes / KIB} KiB of input, and headers`,
    fix: 'edit',
  },
  {
    setting: 'max_msg_size',
    streams: [EVENTS_STREAM, CALLBACKS_STREAM],
    wanted: `-1, or at least ${EVENT_BYTES}`,
    holds: takes(EVENT_BYTES),
    why: `a result may have ${LIMITS.resultBytes / KIB} KiB, and a job whose end cannot be stored never ends`,
    fix: 'edit',
  },
  {
    setting: 'duplicate_window',
    streams: DEDUPLICATED,
    holds: (value, { duplicate_window }) => Number(value ?? 0) >= duplicate_window,
    why: 'publishing is tried again for about a minute, and must not store a second copy',
    fix: 'setup',
  },
  {
    setting: 'no_ack',
    wanted: 'false',
    holds: isOff,
    why: 'a job may be accepted only after the server has acknowledged it',
    fix: 'edit',
  },
  {
    setting: 'persist_mode',
    wanted: 'default',
    holds: (value) => isAbsent(value) || value === 'default',
    why: 'a message would be acknowledged before it is written to disk',
    fix: 'recreate',
  },
  {
    setting: 'sealed',
    wanted: 'false',
    holds: isOff,
    why: 'a sealed stream takes no messages',
    fix: 'recreate',
  },
  {
    setting: 'deny_delete',
    streams: [JOBS_STREAM, DELAYED_STREAM],
    wanted: 'false',
    holds: isOff,
    why: 'the message of a cancelled job is deleted',
    fix: 'recreate',
  },
  {
    setting: 'deny_purge',
    streams: [DEAD_STREAM],
    wanted: 'false',
    holds: isOff,
    why: 'a dead letter that was redriven is deleted',
    fix: 'recreate',
  },
  {
    setting: 'allow_rollup_hdrs',
    streams: WITHOUT_ROLLUP,
    wanted: 'false',
    holds: isOff,
    why: 'one message with a Nats-Rollup header could erase all others',
    fix: 'setup',
  },
  {
    setting: 'allow_msg_ttl',
    streams: [JOBS_STREAM, CALLBACKS_STREAM],
    wanted: 'false',
    holds: isOff,
    why: 'a job whose message has a Nats-TTL header, as a delayed one may have, would be dropped from the queue',
    fix: 'recreate',
  },
  {
    setting: 'allow_msg_counter',
    wanted: 'false',
    holds: isOff,
    why: 'such a stream takes only counters',
    fix: 'recreate',
  },
  {
    setting: 'allow_direct',
    streams: [EVENTS_STREAM],
    holds: isOn,
    why: 'the history of a job is read by direct get',
    fix: 'setup',
  },
  {
    setting: 'allow_direct',
    streams: [DEAD_STREAM],
    holds: isOn,
    why: 'dead letters are read many at once by direct get, and one by one without it',
    level: 'weakens',
    fix: 'setup',
  },
  {
    setting: 'allow_msg_schedules',
    streams: [DELAYED_STREAM],
    holds: isOn,
    why: 'without schedules a delayed job would never run',
    fix: 'setup',
  },
  {
    setting: 'allow_msg_ttl',
    streams: [DELAYED_STREAM],
    holds: isOn,
    why: 'the copies that schedules leave in the stream are removed by their TTL',
    fix: 'setup',
  },
  {
    setting: 'allow_msg_ttl',
    streams: [LIMITS_STREAM],
    holds: isOn,
    why: 'entries that nobody needs any more stay for two days',
    level: 'weakens',
    fix: 'setup',
  },
  {
    setting: 'mirror',
    wanted: 'none',
    holds: isAbsent,
    why: 'a mirror takes only the messages of the stream that it copies',
    fix: 'recreate',
  },
  {
    setting: 'sources',
    // A queue that was made for a server that can delay jobs keeps its source on one that cannot.
    holds: (value, { name, sources }) =>
      [sources, name === JOBS_STREAM ? FROM_DELAYED.sources : sources].some((allowed) =>
        same(sourcesOf(value), sourcesOf(allowed)),
      ),
    why: 'due jobs come into the queue from one source; messages from another source were never accepted',
    fix: (value) => (isAbsent(value) ? 'setup' : 'edit'),
  },
  {
    setting: 'subject_transform',
    wanted: 'none',
    holds: isAbsent,
    why: 'messages would be stored on subjects on which nobody looks for them',
    fix: 'edit',
  },
  {
    setting: 'republish',
    wanted: 'none, or to a subject that is not ours',
    holds: (value) => isAbsent(value) || !OWN_ROOTS.includes(destinationOf(value).split('.')[0] ?? ''),
    why: 'a message that is republished on one of our subjects would be stored as a second job, event or cancel',
    fix: 'edit',
  },
  {
    setting: 'num_replicas',
    holds: (value, { num_replicas }) => Number(value ?? 1) >= num_replicas,
    why: 'in a cluster, a stream with one copy is away while its server is away, and is lost with its disk',
    level: 'weakens',
    fix: 'setup',
  },
  ...BUCKET_RULES,
  ...CONSUMER_LIMIT_RULES,
];

/**
 * The settings of an existing stream that are wrong, the worst first.
 * @param definition what the stream should be
 */
export function streamFindings(
  config: Readonly<Record<string, unknown>>,
  definition: StreamDefinition,
): Finding[] {
  const findings = STREAM_RULES.filter(
    ({ streams, setting, holds }) =>
      (streams === undefined || streams.includes(definition.name)) && !holds(config[setting], definition),
  ).map(({ setting, wanted, why, level, fix }): Finding => {
    const actual = config[setting];
    return {
      of: `stream ${definition.name}`,
      setting,
      actual,
      wanted:
        typeof wanted === 'function'
          ? wanted(definition)
          : (wanted ?? shown(definition[setting as keyof StreamDefinition])),
      why,
      level: level ?? 'breaks',
      fix: typeof fix === 'function' ? fix(actual, definition) : fix,
    };
  });
  return findings.sort((a, b) => Number(a.level === 'weakens') - Number(b.level === 'weakens'));
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Where the messages of each source come from, and where they go. */
function sourcesOf(value: unknown): unknown[] {
  const sources = (value ?? []) as NonNullable<StreamDefinition['sources']>;
  return sources.map(({ name, subject_transforms = [] }) => [
    name,
    subject_transforms.map(({ src, dest }) => [src, dest]),
  ]);
}

function destinationOf(republish: unknown): string {
  return String((republish as { readonly dest?: unknown }).dest ?? '');
}
