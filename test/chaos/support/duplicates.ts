import type { EffectEntry, FaultEntry } from './ledger.ts';

/** Why a job was begun again, as far as the ledger can tell. */
export type DuplicateCause =
  /** The execution before it ended badly on purpose, or was handed back: an attempt, no duplicate. */
  | 'attempt'
  /** Its worker was killed or paused behind the begin of the execution before. */
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
  if (between.some(({ target, pid }) => target === 'worker' && (pid === undefined || pid === first.pid)))
    return 'worker';
  return between.some(({ target }) => target !== 'worker') ? 'broker' : 'unexplained';
}
