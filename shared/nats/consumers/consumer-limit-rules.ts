import { isAbsent, isUnlimited } from '../finding.ts';
import type { StreamRule } from '../stream-rule.ts';

/** The rules for what a stream says about its consumers. Workers and bridges make them as they need them. */
export const CONSUMER_LIMIT_RULES: readonly StreamRule[] = [
  {
    setting: 'max_consumers',
    wanted: '-1',
    holds: isUnlimited,
    why: 'a worker group has more than 30 consumers, and each job that is followed has one',
    fix: 'edit',
  },
  {
    setting: 'consumer_limits',
    wanted: 'none',
    holds: (value) => isAbsent(value) || Object.values(value as object).every(isUnlimited),
    why: 'consumers would be refused, or deleted with their count of deliveries while no worker runs',
    fix: 'edit',
  },
];
