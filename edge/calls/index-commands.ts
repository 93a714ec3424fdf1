/** What the edge and its bridges ask of an index; plain data, as in bridge/commands.ts. */
import type { Job } from '../../shared/job/job.ts';
import type { Carrier } from '../../shared/propagation/index.ts';
import type { PageQuery } from '../job-index/job-table.ts';

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
