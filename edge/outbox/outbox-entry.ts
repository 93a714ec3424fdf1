import { parseJson } from '../../shared/text/json.ts';
import { OutgoingJob } from '../jobs/outgoing-job.ts';

/** `pending`: it waits for NATS. `published`: NATS has it, and its end is awaited. `rejected`: NATS will not take it. */
export type OutboxState = 'pending' | 'published' | 'rejected';

/**
 * How far the publishing of a job to NATS got. `unsent`: it was never sent. `unanswered`: it was sent, and NATS may have
 * it, though it did not say so. `published`: NATS has it. `rejected`: NATS will not take it as it is.
 */
type Publication = 'unsent' | 'unanswered' | 'published' | 'rejected';

/** A job in the outbox. */
export interface OutboxEntry {
  /** Its place in the queue; jobs are sent in this order. */
  readonly position: number;
  readonly job: OutgoingJob;
  /** The input as JSON in UTF-8. */
  readonly body: Uint8Array;
  /** Epoch milliseconds. */
  readonly addedAt: number;
  /** How often it was sent before. */
  readonly tries: number;
  readonly publication: Publication;
  /** RFC 3339; undefined: it was not cancelled. */
  readonly cancelledAt: string | undefined;
  /** Why NATS rejected it; undefined in every other state. */
  readonly reason: string | undefined;
}

/** The columns that {@link entryOf} reads. */
export const ENTRY_COLUMNS = 'position, state, job, body, added_at, tries, cancelled_at, reason';

export interface EntryRow extends Record<string, SqlStorageValue> {
  readonly position: number;
  readonly state: string;
  readonly job: string;
  readonly body: ArrayBuffer;
  readonly added_at: number;
  readonly tries: number;
  readonly cancelled_at: string | null;
  readonly reason: string | null;
}

/** The entry of a row; undefined when the row cannot be read any more. */
export function entryOf(row: EntryRow): OutboxEntry | undefined {
  const job = OutgoingJob.safeParse(parseJson(row.job));
  if (!job.success) return undefined;
  return {
    position: row.position,
    job: job.data,
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
