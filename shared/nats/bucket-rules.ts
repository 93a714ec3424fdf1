import { isUnlimited } from './finding.ts';
import type { StreamRule } from './stream-rule.ts';
import { HOSTS_STREAM, LIMITS_STREAM, OPERATIONS_STREAM } from './streams.ts';

export const BUCKETS = [OPERATIONS_STREAM, HOSTS_STREAM, LIMITS_STREAM];

/** The rules for what a bucket may hold. How many hosts and operations there will be, nobody knows. */
export const BUCKET_RULES: readonly StreamRule[] = (['max_msgs', 'max_bytes', 'max_msg_size'] as const).map(
  (setting) => ({
    setting,
    streams: BUCKETS,
    wanted: '-1',
    holds: isUnlimited,
    why: 'a bucket without room refuses what hosts announce, and then no host starts',
    level: 'weakens',
    fix: 'edit',
  }),
);
