/** What the edge and its bridges ask of an index. All of this is plain data, as in commands.ts. */
import type { Job, JobState } from '../../shared/job/job.ts';
import type { Carrier } from '../../shared/propagation/index.ts';
import type { ListPlace } from './cursors.ts';
import { shardOf } from './placement.ts';

/** Which page of a tenant's jobs is asked for. */
export interface PageQuery {
  readonly tenant: string;
  readonly state: JobState | undefined;
  readonly operation: string | undefined;
  readonly limit: number;
  /** The end of the previous page; undefined: the first page. */
  readonly after: ListPlace | undefined;
}

export interface ListCommand extends PageQuery {
  readonly carrier: Carrier;
}

/** A job, and whose it is. */
export interface TenantJob {
  readonly tenant: string;
  readonly job: Job;
}

/** How long an index tries to catch up with the events before it answers with what it has. */
export const CATCH_UP_MS = 1_000;

const NAME_PREFIX = 'index-';

/** The name of the index that lists a tenant's jobs. */
export function indexName(tenant: string, shards: number): string {
  return `${NAME_PREFIX}${shardOf(tenant, shards)}`;
}

/** The number of the index with this name. */
export function shardNumber(name: string): number {
  return Number(name.slice(NAME_PREFIX.length));
}
