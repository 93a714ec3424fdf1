import type { OutboxItem } from '../../shared/api/answers/outbox.ts';
import { parseJson } from '../../shared/text/json/parse-json.ts';
import { OutgoingJob } from '../jobs/outgoing-job.ts';

/**
 * The state of a job in the outbox. `pending`: the job waits for NATS. `published`: NATS has the job, and the job's end
 * is not recorded. `rejected`: NATS refuses the job.
 */
export type OutboxState = 'pending' | 'published' | 'rejected';

/**
 * How far the publishing of a job to NATS got. `unsent`: the job was never sent. `unanswered`: the job was sent, but
 * NATS did not answer, and may have the job. `published`: NATS has the job. `rejected`: NATS refuses the job as it is.
 */
type Publication = 'unsent' | 'unanswered' | 'published' | 'rejected';

/** A job in the outbox. */
export interface OutboxEntry {
  /** The job's place in the order in which the outbox sends its jobs. */
  readonly position: number;
  readonly job: OutgoingJob;
  /** Whether the job was rejected once. Since then the row has an id of its own, and is not found by the job's id. */
  readonly wasRejected: boolean;
  /** The job's input as JSON in UTF-8. */
  readonly body: Uint8Array;
  /** When the job was added to the outbox, in epoch milliseconds. */
  readonly addedAt: number;
  /** How many times the job was sent before. */
  readonly tries: number;
  readonly publication: Publication;
  /** When the job was cancelled, RFC 3339; undefined if the job was not cancelled. */
  readonly cancelledAt: string | undefined;
  /** Why NATS refused a rejected job; undefined in every other state. */
  readonly reason: string | undefined;
}

/** The columns of {@link EntryRow}. */
export const ENTRY_COLUMNS =
  'position, job_id, state, job, body, added_at, tries, cancelled_at, reason, checks';

/** A row of the outbox in SQLite. */
export interface EntryRow extends Record<string, SqlStorageValue> {
  readonly position: number;
  readonly job_id: string;
  readonly state: string;
  readonly job: string;
  readonly body: ArrayBuffer;
  readonly added_at: number;
  readonly tries: number;
  readonly cancelled_at: string | null;
  readonly reason: string | null;
  readonly checks: number;
}

/** Makes an entry from a database row; undefined if the row cannot be read any more. */
export function entryOf(row: EntryRow): OutboxEntry | undefined {
  const job = OutgoingJob.safeParse(parseJson(row.job));
  if (!job.success) return undefined;
  return {
    position: row.position,
    job: job.data,
    wasRejected: row.job_id !== job.data.jobId,
    body: new Uint8Array(row.body),
    addedAt: row.added_at,
    tries: row.tries,
    publication: publicationOf(row),
    cancelledAt: row.cancelled_at ?? undefined,
    reason: row.reason ?? undefined,
  };
}

function publicationOf({ state, tries }: EntryRow): Publication {
  if (state === 'published') return 'published';
  if (state === 'rejected') return 'rejected';
  return tries === 0 ? 'unsent' : 'unanswered';
}

/** Shows a pending or rejected row to its tenant. */
export function itemOf(row: EntryRow): OutboxItem {
  const { reason, added_at, tries } = row;
  const job = entryOf(row)?.job;
  return {
    id: row.job_id,
    state: row.state === 'rejected' ? 'rejected' : 'pending',
    ...(job === undefined ? {} : { jobId: job.jobId, operation: job.operation }),
    addedAt: new Date(added_at).toISOString(),
    tries,
    ...(reason === null ? {} : { reason }),
  };
}
