/** What the edge and its bridges ask of an index. It is plain data, as in commands.ts. */
import type { Job, JobState } from '../../shared/job/job.ts';
import type { Carrier } from '../../shared/propagation/index.ts';
import type { ListPlace } from './list-cursor.ts';

/** Which page of a tenant's jobs is asked for. */
export interface PageQuery {
  readonly tenant: string;
  readonly state: JobState | undefined;
  readonly operation: string | undefined;
  readonly limit: number;
  /** Where the page before ended; undefined: the first page. */
  readonly after: ListPlace | undefined;
}

export interface ListCommand extends PageQuery {
  readonly carrier: Carrier;
}

/** A job that a bridge has accepted. */
export interface AcceptedJob {
  readonly tenant: string;
  readonly job: Job;
}

/** How long an index tries to catch up with the events before it answers with what it has. */
export const CATCH_UP_MS = 1_000;
