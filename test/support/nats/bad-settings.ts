const HOUR_NS = 3_600e9;

/** A stream with wrong settings: the setting that breaks or weakens a promise, and the others that it needs. */
export interface BadStream {
  readonly stream: string;
  readonly setting: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly weakens?: true;
  /** The server allows it only as a change of an existing stream. */
  readonly update?: true;
  /** A single server of today refuses it, or does not mind it. */
  readonly notHere?: true;
}

const bad = (stream: string, setting: string, value: unknown, more: Partial<BadStream> = {}): BadStream => ({
  stream,
  setting,
  ...more,
  config: { [setting]: value, ...more.config },
});

/** One for each row of `STREAM_RULES`, at least. */
export const BAD_STREAMS: readonly BadStream[] = [
  bad('JOBS', 'subjects', ['jobs.normal.p3.acme.>']),
  bad('EVENTS', 'subjects', ['events.>', 'other.>']),
  bad('JOBS', 'retention', 'limits'),
  bad('EVENTS', 'retention', 'interest'),
  bad('JOBS', 'storage', 'memory'),
  bad('JOBS', 'discard', 'old'),
  bad('EVENTS', 'discard', 'new', { config: { max_msgs: 1_000 } }),
  bad('JOBS', 'max_age', 24 * HOUR_NS),
  bad('EVENTS', 'max_age', 47 * HOUR_NS),
  bad('DEAD', 'max_age', 47 * HOUR_NS),
  bad('CANCELS', 'max_age', 23 * HOUR_NS),
  bad('CALLBACKS', 'max_age', 47 * HOUR_NS),
  bad('DELAYED', 'max_age', 30 * 24 * HOUR_NS),
  bad('KV_OPERATIONS', 'max_age', 24 * HOUR_NS),
  bad('KV_HOSTS', 'max_age', 24 * HOUR_NS, { weakens: true }),
  bad('KV_LIMITS', 'max_age', 23 * HOUR_NS),
  bad('KV_LIMITS', 'allow_rollup_hdrs', true),
  bad('KV_LIMITS', 'allow_msg_ttl', false, { weakens: true }),
  bad('JOBS', 'max_msgs_per_subject', 1),
  bad('EVENTS', 'max_msgs_per_subject', 1),
  bad('CALLBACKS', 'max_msgs_per_subject', 1),
  bad('CALLBACKS', 'allow_msg_ttl', true),
  bad('JOBS', 'discard_new_per_subject', true, { config: { max_msgs_per_subject: 1 } }),
  bad('JOBS', 'max_bytes', -1, { weakens: true }),
  bad('DELAYED', 'metadata', {}, { weakens: true }),
  bad('DELAYED', 'max_msgs', 1_000),
  bad('DELAYED', 'max_bytes', 1_000_000),
  bad('EVENTS', 'metadata', {}, { weakens: true }),
  bad('EVENTS', 'max_msgs', 1_000, { weakens: true }),
  bad('DEAD', 'max_bytes', 1_000_000, { weakens: true }),
  bad('JOBS', 'max_msg_size', 262_144),
  bad('DEAD', 'max_msg_size', 262_144),
  bad('EVENTS', 'max_msg_size', 524_288),
  bad('JOBS', 'duplicate_window', 1e9),
  bad('EVENTS', 'duplicate_window', 60e9),
  bad('JOBS', 'no_ack', true),
  bad('CANCELS', 'persist_mode', 'async'),
  bad('CANCELS', 'sealed', true, { update: true }),
  bad('JOBS', 'deny_delete', true),
  bad('DEAD', 'deny_purge', true),
  bad('EVENTS', 'allow_rollup_hdrs', true),
  bad('KV_OPERATIONS', 'allow_rollup_hdrs', true),
  bad('KV_HOSTS', 'allow_rollup_hdrs', true),
  bad('JOBS', 'allow_msg_ttl', true),
  bad('EVENTS', 'allow_msg_counter', true),
  bad('EVENTS', 'allow_direct', false),
  bad('DEAD', 'allow_direct', false, { weakens: true }),
  bad('DELAYED', 'allow_msg_schedules', false),
  bad('DELAYED', 'allow_msg_ttl', false),
  bad('CANCELS', 'mirror', { name: 'EVENTS' }, { config: { subjects: [] } }),
  bad('JOBS', 'sources', undefined),
  bad('JOBS', 'sources', [{ name: 'DEAD' }]),
  bad('EVENTS', 'sources', [{ name: 'DEAD' }]),
  bad('EVENTS', 'subject_transform', { src: 'events.>', dest: 'told.>' }),
  bad('KV_OPERATIONS', 'max_bytes', 1_000_000, { weakens: true }),
  bad('KV_HOSTS', 'max_msg_size', 1_000, { weakens: true }),
  bad('KV_LIMITS', 'max_msgs', 1_000, { weakens: true }),
  bad('EVENTS', 'republish', { src: 'events.>', dest: 'cancel.>' }),
  bad('JOBS', 'max_consumers', 5),
  bad('EVENTS', 'max_consumers', 1),
  bad('JOBS', 'consumer_limits', { max_ack_pending: 100 }),
  bad('CALLBACKS', 'consumer_limits', { inactive_threshold: 5e9 }),
  bad('EVENTS', 'num_replicas', 1, { weakens: true, notHere: true }),
];

/** A consumer of a worker group with wrong settings; one for each row of `CONSUMER_RULES`. */
export const BAD_CONSUMERS: readonly Omit<BadStream, 'stream'>[] = [
  { setting: 'filter_subject', config: { filter_subject: 'jobs.*.*.*.*.image.>' } },
  {
    setting: 'filter_subjects',
    config: { filter_subject: undefined, filter_subjects: ['jobs.*.*.*.*.a', 'jobs.*.*.*.*.b'] },
  },
  // A work queue allows no other; a stream that became a work queue later may have it.
  { setting: 'ack_policy', config: { ack_policy: 'all' }, notHere: true },
  { setting: 'deliver_policy', config: { deliver_policy: 'new' }, notHere: true },
  { setting: 'max_deliver', config: { max_deliver: 3 } },
  { setting: 'deliver_subject', config: { deliver_subject: 'pushed' } },
  { setting: 'headers_only', config: { headers_only: true } },
  { setting: 'backoff', config: { backoff: [1e9, 2e9] } },
  { setting: 'mem_storage', config: { mem_storage: true } },
  { setting: 'inactive_threshold', config: { inactive_threshold: 60e9 } },
  { setting: 'priority_policy', config: { priority_policy: 'overflow', priority_groups: ['a'] } },
  { setting: 'pause_until', config: { pause_until: '2100-01-01T00:00:00Z' }, weakens: true },
];
