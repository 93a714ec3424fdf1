/** The commands that the edge and its bridges send to a job index. All of them are plain data, as in commands.ts. */
import type { Usage } from '../../shared/api/usage.ts';
import type { Job, JobState } from '../../shared/job/job.ts';
import type { Carrier } from '../../shared/propagation/index.ts';
import type { ListPlace } from './cursors.ts';
import { shardOf } from './placement.ts';

/** Says which page of a tenant's jobs to return. */
export interface PageQuery {
  readonly tenant: string;
  /** Only jobs in one of these states; empty: in any state. */
  readonly states: readonly JobState[];
  readonly operation: string | undefined;
  /** Only jobs that have all of these tags. */
  readonly tags: readonly string[];
  readonly limit: number;
  /** Where the previous page ended. Undefined asks for the first page. */
  readonly after: ListPlace | undefined;
}

export interface ListCommand extends PageQuery {
  readonly carrier: Carrier;
}

/** A job and the tenant that it belongs to. */
export interface TenantJob {
  readonly tenant: string;
  readonly job: Job;
  /** Bytes of its input as JSON. */
  readonly bytes: number;
}

/** Asks for the start time of a job whose operation has a `rateLimit`. */
export interface StartTimeCommand {
  readonly tenant: string;
  /** Names the tenant, the operation and the value of the limit's key. */
  readonly key: string;
  readonly limit: number;
  readonly periodMs: number;
}

/** What the jobs of a tenant take. */
export interface TenantUsage {
  readonly tenant: string;
  readonly usage: Usage;
}

/** How long a job index reads new events before it answers with the jobs that it knows. */
export const CATCH_UP_MS = 1_000;

const NAME_PREFIX = 'index-';

/** Returns the name of the job index that lists a tenant's jobs. */
export function indexName(tenant: string, shards: number): string {
  return `${NAME_PREFIX}${shardOf(tenant, shards)}`;
}

/** Returns the number of the job index with this name. */
export function shardNumber(name: string): number {
  return Number(name.slice(NAME_PREFIX.length));
}
