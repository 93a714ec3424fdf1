/**
 * What of an existing stream breaks a promise, one row per setting: where it counts, what it has to be,
 * and why. A worker refuses to start against a row that breaks one; `throughline setup` says how to mend it. Names and
 * meanings of the settings: nats-server, `StreamConfig` in server/stream.go and `ConsumerConfig` in server/consumer.go.
 */

import { LIMITS } from '../job/job-spec.ts';
import { type Finding, isAbsent, isOff, isOn, isUnlimited, type Mend, shown } from './finding.ts';
import {
  CALLBACKS_STREAM,
  CANCELS_STREAM,
  DEAD_STREAM,
  DELAYED_STREAM,
  EVENTS_STREAM,
  JOBS_STREAM,
  NANOS_PER_MS,
  OPERATIONS_STREAM,
  type StreamDefinition,
} from './streams.ts';

export interface StreamRule {
  readonly setting: string;
  /** Where it counts; undefined: in every stream. */
  readonly streams?: readonly string[];
  /** What it has to be; undefined: what the stream's definition says. */
  readonly wanted?: string;
  readonly holds: (value: unknown, definition: StreamDefinition) => boolean;
  readonly why: string;
  readonly level?: 'weakens';
  readonly mend: Mend | ((value: unknown) => Mend);
}

const HOUR_MS = 3_600_000;
const KIB = 1_024;
/** Headers at their largest: baggage 8 KiB, tracestate, the trace ids of 20 redrives, an event's snapshot of its job. */
const ENVELOPE_BYTES = 64 * KIB;
const JOB_BYTES = LIMITS.inputBytes + ENVELOPE_BYTES;
const EVENT_BYTES = LIMITS.resultBytes + ENVELOPE_BYTES;
/** The largest message that Throughline sends: nats-server's `max_payload` must not be below. */
export const LARGEST_MESSAGE_BYTES = EVENT_BYTES;

const AGING = [EVENTS_STREAM, DEAD_STREAM, CANCELS_STREAM];
const DEDUPLICATED = [JOBS_STREAM, DELAYED_STREAM, EVENTS_STREAM, DEAD_STREAM, CALLBACKS_STREAM];
/** Where everybody's messages are together, and one must not be able to take others with it. */
const WITHOUT_ROLLUP = [JOBS_STREAM, EVENTS_STREAM, DEAD_STREAM, CANCELS_STREAM, CALLBACKS_STREAM];
/** First words of the subjects that a stream of ours takes. */
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
    why: 'what is published on a subject that no stream takes is lost, and a foreign one would be taken for ours',
    mend: 'edit',
  },
  {
    setting: 'retention',
    holds: asDefined('retention'),
    why: 'only a work queue keeps a job until it is settled, and everything else is read more than once',
    mend: 'recreate',
  },
  {
    setting: 'storage',
    holds: asDefined('storage'),
    why: 'what is in memory does not survive a restart of the server',
    mend: 'recreate',
  },
  {
    setting: 'discard',
    holds: asDefined('discard'),
    why: 'a full queue must refuse a job instead of forgetting an older one; a full history must not stop the jobs',
    mend: 'edit',
  },
  {
    setting: 'max_age',
    streams: [JOBS_STREAM],
    wanted: '0',
    holds: isUnlimited,
    why: 'a job that waits longer would be dropped without a word',
    mend: 'edit',
  },
  {
    setting: 'max_age',
    streams: [EVENTS_STREAM],
    wanted: 'at least 48 h',
    holds: lastsAtLeast(48 * HOUR_MS),
    why: 'with the last event of a job its state is forgotten, and its idempotency key, which is kept for 24 h',
    mend: 'edit',
  },
  {
    setting: 'max_age',
    streams: [DEAD_STREAM],
    wanted: 'at least 48 h',
    holds: lastsAtLeast(48 * HOUR_MS),
    why: 'a dead letter would be gone before anybody could redrive it',
    mend: 'edit',
  },
  {
    setting: 'max_age',
    streams: [CANCELS_STREAM],
    wanted: 'at least 24 h',
    holds: lastsAtLeast(LIMITS.timeoutMs),
    why: 'an attempt may last that long, and a worker that was cut off looks here whether it was cancelled',
    mend: 'edit',
  },
  {
    setting: 'max_age',
    streams: [CALLBACKS_STREAM],
    wanted: 'at least 48 h',
    holds: lastsAtLeast(48 * HOUR_MS),
    why: 'a callback is tried again for about a day, and would be forgotten before',
    mend: 'edit',
  },
  {
    setting: 'max_age',
    streams: [DELAYED_STREAM],
    wanted: 'more than 30 days',
    holds: lastsAtLeast(LIMITS.delayMs + HOUR_MS),
    why: 'a job may be delayed that long, and would be dropped before its time',
    mend: 'edit',
  },
  {
    setting: 'max_age',
    streams: [OPERATIONS_STREAM],
    wanted: '0',
    holds: isUnlimited,
    why: 'an operation is announced once, when a worker starts, and would be unknown after this time',
    mend: 'edit',
  },
  {
    setting: 'max_msgs_per_subject',
    streams: [JOBS_STREAM, DELAYED_STREAM, EVENTS_STREAM, CALLBACKS_STREAM],
    wanted: '-1',
    holds: isUnlimited,
    why: 'a redriven job, or the history of a job, is several messages on one subject',
    mend: 'edit',
  },
  {
    setting: 'discard_new_per_subject',
    wanted: 'false',
    holds: isOff,
    why: 'a second message of a job would be refused',
    mend: 'edit',
  },
  {
    setting: 'max_msgs',
    streams: [DELAYED_STREAM],
    wanted: '-1',
    holds: isUnlimited,
    why: 'it cannot discard new, so a full one would forget delayed jobs that were accepted',
    mend: 'edit',
  },
  {
    setting: 'max_bytes',
    streams: [DELAYED_STREAM],
    wanted: '-1',
    holds: isUnlimited,
    why: 'it cannot discard new, so a full one would forget delayed jobs that were accepted',
    mend: 'edit',
  },
  {
    setting: 'max_msgs',
    streams: AGING,
    wanted: '-1',
    holds: isUnlimited,
    why: 'when it is full, the oldest go before their time: states, idempotency keys, letters, cancels',
    level: 'weakens',
    mend: 'edit',
  },
  {
    setting: 'max_bytes',
    streams: AGING,
    wanted: '-1',
    holds: isUnlimited,
    why: 'when it is full, the oldest go before their time: states, idempotency keys, letters, cancels',
    level: 'weakens',
    mend: 'edit',
  },
  {
    setting: 'max_msg_size',
    streams: [JOBS_STREAM, DELAYED_STREAM, DEAD_STREAM],
    wanted: `-1, or at least ${JOB_BYTES}`,
    holds: takes(JOB_BYTES),
    why: `a job's input may have ${LIMITS.inputBytes / KIB} KiB, and headers`,
    mend: 'edit',
  },
  {
    setting: 'max_msg_size',
    streams: [EVENTS_STREAM, CALLBACKS_STREAM],
    wanted: `-1, or at least ${EVENT_BYTES}`,
    holds: takes(EVENT_BYTES),
    why: `a result may have ${LIMITS.resultBytes / KIB} KiB, and a job whose end cannot be stored never ends`,
    mend: 'edit',
  },
  {
    setting: 'duplicate_window',
    streams: DEDUPLICATED,
    holds: (value, { duplicate_window }) => Number(value ?? 0) >= duplicate_window,
    why: 'publishing is tried again for about a minute, and must not store a second copy',
    mend: 'setup',
  },
  {
    setting: 'no_ack',
    wanted: 'false',
    holds: isOff,
    why: 'what is not acknowledged cannot be promised',
    mend: 'edit',
  },
  {
    setting: 'persist_mode',
    wanted: 'default',
    holds: (value) => isAbsent(value) || value === 'default',
    why: 'a message would be acknowledged before it is written to disk',
    mend: 'recreate',
  },
  {
    setting: 'sealed',
    wanted: 'false',
    holds: isOff,
    why: 'it takes no messages any more',
    mend: 'recreate',
  },
  {
    setting: 'deny_delete',
    streams: [JOBS_STREAM, DELAYED_STREAM],
    wanted: 'false',
    holds: isOff,
    why: 'a cancelled job is taken out of it',
    mend: 'recreate',
  },
  {
    setting: 'deny_purge',
    streams: [DEAD_STREAM],
    wanted: 'false',
    holds: isOff,
    why: 'a dead letter that was redriven is taken out of it',
    mend: 'recreate',
  },
  {
    setting: 'allow_rollup_hdrs',
    streams: WITHOUT_ROLLUP,
    wanted: 'false',
    holds: isOff,
    why: 'one message with a Nats-Rollup header could erase all others',
    mend: 'setup',
  },
  {
    setting: 'allow_msg_ttl',
    streams: [JOBS_STREAM, CALLBACKS_STREAM],
    wanted: 'false',
    holds: isOff,
    why: 'a job whose message has a Nats-TTL header, as a delayed one may have, would be dropped from the queue',
    mend: 'recreate',
  },
  {
    setting: 'allow_msg_counter',
    wanted: 'false',
    holds: isOff,
    why: 'it takes nothing but counters',
    mend: 'recreate',
  },
  {
    setting: 'allow_direct',
    streams: [EVENTS_STREAM],
    holds: isOn,
    why: 'the history of a job is read by direct get',
    mend: 'setup',
  },
  {
    setting: 'allow_msg_schedules',
    streams: [DELAYED_STREAM],
    holds: isOn,
    why: 'without it nothing wakes a delayed job',
    mend: 'setup',
  },
  {
    setting: 'allow_msg_ttl',
    streams: [DELAYED_STREAM],
    holds: isOn,
    why: 'what the schedules leave behind removes itself by it',
    mend: 'setup',
  },
  {
    setting: 'mirror',
    wanted: 'none',
    holds: isAbsent,
    why: 'a mirror takes no messages but those of the stream it copies',
    mend: 'recreate',
  },
  {
    setting: 'sources',
    holds: (value, { sources }) => same(sourcesOf(value), sourcesOf(sources)),
    why: 'due jobs come into the queue by one, and what comes by another is nothing that was accepted',
    mend: (value) => (isAbsent(value) ? 'setup' : 'edit'),
  },
  {
    setting: 'subject_transform',
    wanted: 'none',
    holds: isAbsent,
    why: 'messages would be stored on other subjects than they are looked for',
    mend: 'edit',
  },
  {
    setting: 'republish',
    wanted: 'none, or to a subject that is not ours',
    holds: (value) => isAbsent(value) || !OWN_ROOTS.includes(destinationOf(value).split('.')[0] ?? ''),
    why: 'what is republished onto a subject of ours would be stored as a second job, event or cancel',
    mend: 'edit',
  },
  {
    setting: 'num_replicas',
    holds: (value, { num_replicas }) => Number(value ?? 1) >= num_replicas,
    why: 'in a cluster, a stream with one copy is away with its server, and lost with its disk',
    level: 'weakens',
    mend: 'setup',
  },
];

/** What an existing stream differs in that matters, worst first. */
export function streamFindings(
  config: Readonly<Record<string, unknown>>,
  definition: StreamDefinition,
): Finding[] {
  const findings = STREAM_RULES.filter(
    ({ streams, setting, holds }) =>
      (streams === undefined || streams.includes(definition.name)) && !holds(config[setting], definition),
  ).map(({ setting, wanted, why, level, mend }): Finding => {
    const actual = config[setting];
    return {
      of: `stream ${definition.name}`,
      setting,
      actual,
      wanted: wanted ?? shown(definition[setting as keyof StreamDefinition]),
      why,
      level: level ?? 'breaks',
      mend: typeof mend === 'function' ? mend(actual) : mend,
    };
  });
  return findings.sort((a, b) => Number(a.level === 'weakens') - Number(b.level === 'weakens'));
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Of each source what decides where its messages come from, and where they go. */
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
