/**
 * How an index merges what it knows of a job. The bridge reports the job when it is accepted, and the stream has its events. Only the
 * report has the size of the input, and only the events say what has happened. Either may come first, and the result is the same.
 */
import type { IndexEntry } from './index-entry.ts';

/** Returns the entry of a job after one of its events. @param known the entry before, if there was one */
export function afterEvent(next: IndexEntry, known: IndexEntry | undefined): IndexEntry {
  if (known === undefined) return next;
  if (isOtherJob(next, known)) return known.durability === 'outbox' || isLater(next, known) ? next : known;
  return withReported(isNews(next, known) ? next : known, next, known);
}

/** Returns the entry of a job after the report that it was accepted. @param known the entry before, if there was one */
export function afterReport(next: IndexEntry, known: IndexEntry | undefined): IndexEntry {
  if (known === undefined) return next;
  if (isOtherJob(next, known)) return next.durability === 'stream' && isLater(next, known) ? next : known;
  // An event, which may have come first, says that the job is in the stream.
  return withReported(known.durability === 'outbox' ? next : known, next, known);
}

/**
 * Whether two entries are of two jobs. Two jobs may have one id: the idempotency key of the first was forgotten, or NATS will reject
 * the one that waits in the outbox. The later job in the stream counts. A job in the outbox counts only while there is no other.
 */
function isOtherJob(next: IndexEntry, known: IndexEntry): boolean {
  return next.accepted_at !== known.accepted_at;
}

function isLater(next: IndexEntry, known: IndexEntry): boolean {
  return next.accepted_at > known.accepted_at;
}

/**
 * Whether an event is newer than what is known of its job. A redrive starts the job again. Without a redrive, a job that has
 * ended stays ended, also if an older event comes late or is read again.
 */
function isNews(next: IndexEntry, known: IndexEntry): boolean {
  if (next.redrive_count !== known.redrive_count) return next.redrive_count > known.redrive_count;
  return known.finished_at === null || next.finished_at !== null;
}

/** Adds the fields that only one of two entries of a job may have. */
function withReported(entry: IndexEntry, one: IndexEntry, other: IndexEntry): IndexEntry {
  return { ...entry, bytes: one.bytes || other.bytes, tags: one.tags || other.tags };
}
