import type { JobSummary } from '../../shared/api/answers/job-list.ts';
import { defined } from '../../shared/defined.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import { jobLinks } from '../../shared/job/accepted-job.ts';
import type { Job, JobState } from '../../shared/job/job.ts';
import type { JobKey } from '../../shared/job/job-address.ts';
import type { EventSummary } from '../../shared/wire/event-summary.ts';
import type { TenantJob } from '../calls/index-commands.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
/** An ended job stays in the list for a day longer than its events stay in the stream. */
const LIST_ENDED_MS = 8 * DAY_MS;
/** A job that has not ended may wait in the queue. No stream keeps a delayed job longer than this. */
const LIST_OPEN_MS = 60 * DAY_MS;

/** A job in the index: one row. Times are milliseconds since 1970. */
export type IndexEntry = {
  tenant: string;
  id: string;
  operation: string;
  state: JobState;
  attempt: number;
  max_attempts: number;
  durability: Job['durability'];
  /** 1 until its first event: the job was accepted while no host served its operation. */
  unserved: 0 | 1;
  accepted_at: number;
  due_at: number | null;
  started_at: number | null;
  finished_at: number | null;
  error_code: string | null;
  trace_id: string;
  /** Separated by commas, oldest first. */
  previous_trace_ids: string;
  redrive_count: number;
  /** Bytes of the input as JSON; 0 until the report of the bridge. A job that another program published has no report. */
  bytes: number;
  /** Separated by commas; empty if there are none, or if only an event of an older worker is known. */
  tags: string;
  /** The day, counted from 1970, on which the row is deleted. Whole days are used, so that few events change the value. */
  expires_on: number;
};

/** Names the job of an entry. */
export type EntryKey = Pick<IndexEntry, 'tenant' | 'id'>;

/** What an event changes in the index: the entry of its job; or only the error code, if the event cannot be read. */
export type IndexChange = IndexEntry | (EntryKey & { readonly isUnreadable: true });

/** The error code of a job that has not ended, and whose last event cannot be read. */
export const UNREADABLE_CODE = 'record-unreadable' satisfies ErrorCode;

/** Names a job among those of all tenants. */
export function keyOf({ tenant, id }: EntryKey): string {
  return `${tenant}.${id}`;
}

/** The entry of a job that was accepted a moment ago. */
export function acceptedEntry({ tenant, job, bytes }: TenantJob): IndexEntry {
  const acceptedAt = Date.parse(job.acceptedAt);
  // A job that its caller did not delay does not count as delayed.
  const dueAt = job.dueBy === undefined ? msOf(job.dueAt) : null;
  return {
    tenant,
    id: job.id,
    operation: job.operation,
    state: 'queued',
    attempt: 0,
    max_attempts: job.maxAttempts,
    durability: job.durability,
    unserved: job.served === false ? 1 : 0,
    accepted_at: acceptedAt,
    due_at: dueAt,
    started_at: null,
    finished_at: null,
    error_code: null,
    trace_id: job.traceId,
    previous_trace_ids: '',
    redrive_count: 0,
    bytes,
    tags: job.tags?.join(',') ?? '',
    expires_on: dayOf(acceptedAt + LIST_OPEN_MS),
  };
}

/** The entry of a job whose last event this is. @param storedMs when the broker stored it */
export function eventEntry({ tenant, jobId }: JobKey, summary: EventSummary, storedMs: number): IndexEntry {
  const finishedAt = msOf(summary.finishedAt);
  return {
    tenant,
    id: jobId,
    operation: summary.operation,
    state: summary.state,
    attempt: summary.attempt,
    max_attempts: summary.maxAttempts,
    durability: 'stream',
    unserved: 0,
    accepted_at: Date.parse(summary.acceptedAt),
    due_at: null,
    started_at: msOf(summary.startedAt),
    finished_at: finishedAt,
    error_code: summary.errorCode ?? null,
    trace_id: summary.traceId,
    previous_trace_ids: summary.previousTraceIds.join(','),
    redrive_count: summary.redriveCount,
    bytes: 0,
    tags: summary.tags.join(','),
    expires_on: dayOf(storedMs + (finishedAt === null ? LIST_OPEN_MS : LIST_ENDED_MS)),
  };
}

/** The day of a time, counted as {@link IndexEntry} counts days. @param ms epoch milliseconds */
export function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS);
}

/** The job as the list shows it. */
export function summaryOf(entry: IndexEntry): JobSummary {
  const { due_at, started_at, finished_at, error_code, previous_trace_ids, tags } = entry;
  return defined({
    id: entry.id,
    operation: entry.operation,
    state: entry.state,
    attempt: entry.attempt,
    maxAttempts: entry.max_attempts,
    durability: entry.durability,
    served: entry.unserved === 1 ? (false as const) : undefined,
    acceptedAt: timeOf(entry.accepted_at),
    dueAt: due_at === null ? undefined : timeOf(due_at),
    startedAt: started_at === null ? undefined : timeOf(started_at),
    finishedAt: finished_at === null ? undefined : timeOf(finished_at),
    error: error_code === null ? undefined : { code: error_code },
    tags: tags === '' ? undefined : tags.split(','),
    traceId: entry.trace_id,
    previousTraceIds: previous_trace_ids === '' ? undefined : previous_trace_ids.split(','),
    links: jobLinks(entry.id),
  });
}

function msOf(time: string | undefined): number | null {
  return time === undefined ? null : Date.parse(time);
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
