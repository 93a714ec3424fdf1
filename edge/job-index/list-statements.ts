import type { JobState } from '../../shared/job/job.ts';
import { JOB_STATES } from '../../shared/job/job-state.ts';

/**
 * The one index of the table of jobs. It has a range for each operation and state of a tenant, in the order of the list: a kind of
 * jobs. A change of a job's state writes the row and one entry of the index. An earlier release had more indexes.
 */
export const LIST_SCHEMA = `
  CREATE INDEX IF NOT EXISTS by_operation_and_state ON jobs (tenant, operation, state, accepted_at, id);
  ${['time', 'state', 'operation', 'expiry'].map((name) => `DROP INDEX IF EXISTS by_${name};`).join(' ')}`;

/** With `INDEXED BY`, SQLite refuses a plan that would read more than it must. */
const JOBS = 'jobs INDEXED BY by_operation_and_state WHERE tenant = ?1 AND operation';
const NEXT = `SELECT id FROM ${JOBS} = page.operation AND state = page.state`;

/**
 * Selects a page. The values are the tenant, the operation or an empty text, the states as JSON, the place (two values), and the
 * number of jobs. The statement starts at the place in each kind of jobs, and goes on to the next job of the same kind, always from
 * the newest place that it has reached. So it reads the jobs of the page and one of each kind, however many jobs there are. It looks
 * for the next job within the same millisecond first, since SQLite does not find a pair of values in the index here.
 */
export const PAGE = `WITH RECURSIVE operations(name) AS (
    SELECT ?2 UNION ALL
    SELECT (SELECT min(operation) FROM ${JOBS} > name) FROM operations WHERE ?2 = '' AND name IS NOT NULL
  ), page(operation, state, accepted_at, id, is_job) AS (
    SELECT name, value, ?4, ?5, 0 FROM operations CROSS JOIN json_each(?3) UNION ALL
    SELECT jobs.operation, jobs.state, jobs.accepted_at, jobs.id, 1 FROM page CROSS JOIN jobs
    ON jobs.tenant = ?1 AND jobs.id = coalesce(
      (${NEXT} AND accepted_at = page.accepted_at AND id < page.id ORDER BY id DESC LIMIT 1),
      (${NEXT} AND accepted_at < page.accepted_at ORDER BY accepted_at DESC, id DESC LIMIT 1)
    ) ORDER BY 3 DESC, 4 DESC
  ) SELECT jobs.* FROM page CROSS JOIN jobs ON jobs.tenant = ?1 AND jobs.id = page.id WHERE is_job LIMIT ?6`;

/** The states of a page as a value of its statement. @param states empty: all */
export function statesOf(states: readonly JobState[]): string {
  return JSON.stringify(states.length === 0 ? JOB_STATES : states);
}
