import { types } from 'node:util';
import { trace } from '@opentelemetry/api';
import { errorFrom } from '../../../shared/error-table.ts';
import { type ErrorCode, isThroughlineError, ThroughlineError } from '../../../shared/errors.ts';
import type { Outcome } from '../../operations/outcome.ts';
import { reportOf, type ThrownReport, toldOf } from '../../operations/thrown.ts';

/** How an attempt ended: as the operation says, or because its signal aborted first. */
export type AttemptOutcome =
  | (Outcome & {
      /** What was thrown, for the operator. */
      readonly report?: ThrownReport;
    })
  /** The worker stopped; or the job is for another version of the operation, which another host has. */
  | { readonly kind: 'released'; readonly isForOther?: true }
  | { readonly kind: 'cancelled' }
  /** Another delivery has the job. */
  | { readonly kind: 'superseded' };

/** The outcome that the reason of an aborted signal stands for. Nothing else cancels, releases or supersedes an attempt. */
export function outcomeOfAbort(reason: unknown): AttemptOutcome {
  const { code, message, cause } = errorFrom(reason);
  if (code === 'job-cancelled') return { kind: 'cancelled' };
  if (code === 'attempt-superseded') return { kind: 'superseded' };
  if (code === 'worker-stopping') return { kind: 'released' };
  if (code === 'operation-failed') return { kind: 'retry', code, message, report: reportOf(cause) };
  return { kind: 'retry', code, message };
}

/** Errors of ours that end an attempt. Any other one is of another system, which the operation called. */
const OWN_ERRORS: readonly ErrorCode[] = [
  'input-invalid',
  'operation-rejected',
  'result-too-large',
  'target-refused',
];

/**
 * The outcome that a throw stands for. The caller gets only words that are meant for callers: those of our own errors, and
 * of job errors. All others stand in the report.
 */
export function outcomeOfThrow(thrown: unknown): AttemptOutcome {
  const report = reportOf(thrown);
  if (isOwnError(thrown)) return { kind: 'reject', code: thrown.code, message: thrown.message, report };
  return { kind: 'retry', code: 'operation-failed', message: toldOf(thrown) ?? generalSentence(), report };
}

/** Not one of a subclass: an `ApiError` of the client is an answer of another system. */
function isOwnError(thrown: unknown): thrown is ThroughlineError {
  // A proxy of one of our errors is not ours: each look at it may throw.
  if (!isThroughlineError(thrown) || types.isProxy(thrown)) return false;
  return thrown.constructor === ThroughlineError && OWN_ERRORS.includes(thrown.code);
}

function generalSentence(): string {
  const traceId = trace.getActiveSpan()?.spanContext().traceId;
  return traceId === undefined ? 'the operation failed' : `the operation failed; trace ${traceId}`;
}
