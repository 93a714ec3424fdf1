/** The words of schedules. They stand apart from their schemas, because the client has no room for zod. */

/** The name of a schedule, unique within its tenant: 1 to 64 letters, digits or _ . -, from a letter or digit on. */
export const SCHEDULE_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

export const SCHEDULE_NAME_RULE =
  'must be 1 to 64 letters, digits or _ . -, and begin with a letter or digit';

/** What happens to the runs that were missed while the edge was away. */
export const CATCH_UP = ['none', 'last', 'all'] as const;
/** Whether a run may start while the job of the run before it has not ended. */
export const OVERLAP = ['allow', 'skip'] as const;

/** What became of a run. `submitted`: there is a job. `skipped`: there is none, by the schedule's own rules. `refused`: the edge took no job. */
export const RUN_OUTCOMES = ['submitted', 'skipped', 'refused'] as const;
/** Why a run was skipped. `missed`: the edge was away, and `catchUp` leaves the run out. `overlap`: the job before had not ended. */
export const SKIP_REASONS = ['missed', 'overlap'] as const;
