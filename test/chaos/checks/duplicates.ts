import type { EffectEntry, FaultEntry } from '../ledger/ledger.ts';

/** Why a job was begun again, as far as the ledger can tell. */
export type DuplicateCause =
  /** The execution before it ended badly on purpose, or was handed back: an attempt, no duplicate. */
  | 'attempt'
  /** A worker that had either was killed or paused between their begins. */
  | 'worker'
  /** The broker or the way to it was disturbed between the two begins. */
  | 'broker'
  | 'unexplained';

/**
 * Judges the second of two executions of one job that follow each other.
 * @param ended when the stream stored that the first attempt was over but the job was not (`retrying`, `released`)
 */
export function causeOf(
  first: EffectEntry,
  second: EffectEntry,
  faults: readonly FaultEntry[],
  ended: readonly number[],
): DuplicateCause {
  if (ended.some((at) => at >= first.at && at <= second.at)) return 'attempt';
  const between = faults.filter(({ at, until = at }) => until >= first.at && at <= second.at);
  const pids = [undefined, first.pid, second.pid];
  if (between.some(({ target, pid }) => target === 'worker' && pids.includes(pid))) return 'worker';
  return between.some(({ target }) => target !== 'worker') ? 'broker' : 'unexplained';
}
