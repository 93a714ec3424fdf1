import type { CATCH_UP } from '../../shared/api/schedule-words.ts';
import type { Progress } from './schedule-row.ts';
import { type MissedRuns, missedRuns, nextRun, type Timing } from './timing.ts';

/** The runs of a schedule that are due now. All times are epoch milliseconds. */
export interface DueRuns extends MissedRuns {
  /** A run that was refused and is not tried again, because a later one is due; undefined: there is none. */
  readonly overdue: number | undefined;
}

/**
 * The runs of a schedule that are due. A run that was refused for now is tried again until the next run is due. With `catchUp:
 * all` it is tried again until it is accepted, and the later runs wait.
 * @param limit how many runs to return at most. If there are more, the oldest are returned
 */
export function dueRuns(
  { decided_at, pending_at }: Pick<Progress, 'decided_at' | 'pending_at'>,
  timing: Timing,
  catchUp: (typeof CATCH_UP)[number],
  now: number,
  limit: number,
): DueRuns {
  if (pending_at === null)
    return { overdue: undefined, ...missedRuns(timing, decided_at, now, catchUp, limit) };
  const next = nextRun(timing, pending_at);
  if (catchUp === 'all' || next === undefined || next > now)
    return { overdue: undefined, runs: [pending_at], dropped: 0, lastDropped: undefined };
  return { overdue: pending_at, ...missedRuns(timing, pending_at, now, catchUp, limit) };
}
