import { isEnd, type LedgerView } from './ledger-view.ts';
import type { Violation } from './violation.ts';

/**
 * L7: at every sample, each job that was accepted before is in the outbox, in the queue, or has ended. A job that moves
 * while a sample is taken counts twice. So a sum that is too large is no fault, and one that is too small is.
 */
export function checkConservation(view: LedgerView): Violation[] {
  const ends = [...view.jobs.values()]
    .flatMap(({ events }) => events.find(isEnd)?.sequence ?? [])
    .sort((left, right) => left - right);
  const accepted = [...view.accepted.values()].sort((left, right) => left - right);
  return view.samples.flatMap(({ at, outbox, queued, eventsSequence }) => {
    const ended = countUpTo(ends, eventsSequence);
    const expected = countUpTo(accepted, at);
    if (outbox + queued + ended >= expected) return [];
    const found = `${outbox} in the outbox + ${queued} queued + ${ended} ended`;
    return [
      { check: 'L7' as const, about: `${expected} accepted, but ${found} at ${new Date(at).toISOString()}` },
    ];
  });
}

/** How many of a sorted list are at most `limit`. */
function countUpTo(sorted: readonly number[], limit: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? Number.POSITIVE_INFINITY) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
