/** Marks job errors, so that one of another copy of this module is known too. */
const JOB_ERROR = Symbol.for('throughline.job-error');

/**
 * An error whose message the caller of the job may read. Like every other error, it makes the job try again while
 * attempts are left; to end the job, return or throw `reject(message)`. The message of any other error goes only to the
 * log, the span and the dead letter, since it may name hosts, paths or credentials.
 *
 * Its `cause` is told too, if that is a `JobError` as well.
 * @example
 * throw new JobError('the card was declined', { cause: answer });
 */
export class JobError extends Error {
  static {
    // On the prototype, where the first line of a stack finds the name.
    Object.assign(JobError.prototype, { name: 'JobError', [JOB_ERROR]: true });
  }
}

/** Whether `value` is a {@link JobError}. Never throws. */
export function isJobError(value: unknown): value is JobError {
  try {
    return typeof value === 'object' && value !== null && JOB_ERROR in value;
  } catch {
    return false;
  }
}

const LOG_ONLY = Symbol('log-only');

/** The error, whose causes then stand in the log and on the span only: those who read the dead letter may not know them. */
export function withPrivateCause<T extends JobError>(error: T): T {
  return Object.assign(error, { [LOG_ONLY]: true });
}

/** Whether the causes of `thrown` may not stand in the dead letter. Never throws. */
export function hasPrivateCause(thrown: unknown): boolean {
  return isJobError(thrown) && LOG_ONLY in thrown;
}
