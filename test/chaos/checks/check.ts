import type { LedgerRecord } from '../ledger/ledger.ts';
import { checkConservation } from './check-conservation.ts';
import { checkJobs } from './check-jobs.ts';
import { checkKeys } from './check-keys.ts';
import { checkOrder } from './check-order.ts';
import { checkTraces } from './check-traces.ts';
import { type DuplicateCause, LedgerView } from './ledger-view.ts';
import type { Violation } from './violation.ts';

interface CheckOptions {
  /** The longest time that may pass from the end of the last fault until the system is quiet. */
  readonly drainBoundMs: number;
}

export interface LedgerReport {
  readonly violations: readonly Violation[];
  readonly counts: LedgerCounts;
}

interface LedgerCounts {
  /** Idempotency keys, and how many of them had each outcome. */
  readonly keys: number;
  readonly accepted: number;
  readonly refused: number;
  readonly unknown: number;
  /** Answers on the way that accepted nothing. */
  readonly refusals: number;
  readonly unknowns: number;
  /** Accepted jobs without an end: before the first job with an end, between such jobs, and after the last. */
  readonly lost: { readonly prefix: number; readonly middle: number; readonly postfix: number };
  readonly ends: Readonly<Record<'succeeded' | 'failed' | 'cancelled', number>>;
  readonly executions: number;
  readonly again: Readonly<Record<DuplicateCause, number>>;
  readonly faults: number;
  readonly samples: number;
  readonly tracesSeen: number;
  readonly drainMs: number | undefined;
}

/** Checks a run by its ledger. */
export function checkLedger(record: LedgerRecord, options: CheckOptions): LedgerReport {
  const view = new LedgerView(record);
  const traces = checkTraces(view);
  return {
    violations: [
      ...checkJobs(view),
      ...checkKeys(view),
      ...checkConservation(view),
      ...checkOrder(view),
      ...traces.violations,
      ...checkDrain(record.drainMs, options.drainBoundMs),
    ],
    counts: {
      ...view.keyCounts(),
      lost: view.losses(),
      ends: view.endCounts(),
      executions: view.executions,
      again: view.duplicates(),
      faults: view.faults.length,
      samples: view.samples.length,
      tracesSeen: traces.seen,
      drainMs: record.drainMs,
    },
  };
}

function checkDrain(drainMs: number | undefined, boundMs: number): Violation[] {
  if (drainMs === undefined) return [{ check: 'L10', about: `not quiet within ${boundMs} ms` }];
  return drainMs <= boundMs ? [] : [{ check: 'L10', about: `quiet after ${drainMs} ms, not ${boundMs}` }];
}
