import { type BrokerRecord, isEnded, isStored, readRecord } from '../jobs/broker-record.ts';
import { ignoreUnreadable } from '../jobs/job-reader.ts';
import { jobFields } from '../jobs/outgoing-job.ts';
import type { BrokerAccess } from '../nats/broker-connection.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import { carriedContext } from '../telemetry/carried-context.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Outbox } from './outbox.ts';
import type { OutboxEntry } from './outbox-entry.ts';

/** The time between the publishing of a job and the first look for the job's end. */
export const FIRST_CHECK_MS = 1_000;
const BATCH = 256;
const LONGEST_PAUSE_MS = 60_000;
/** A worker may still run a job whose message is gone. This is the time that the worker has to record an event. */
const RUNNING_GRACE_MS = 30_000;
/** A job moves from `DELAYED` to the queue within this time after it is due. */
const DUE_GRACE_MS = 60_000;

/** What the check needs from its bridge. */
interface CheckParts {
  readonly connection: BrokerAccess;
  readonly outbox: Outbox;
  readonly log: Logger;
}

/**
 * Looks for the ends of published jobs (`OUTBOX_KEEP=ended`). If NATS has neither a message nor an end of a job that it
 * acknowledged, NATS has forgotten the job. The job then becomes pending again. Only the scheduler calls this, and only
 * one run happens at a time.
 * @throws ThroughlineError `broker-unavailable`
 */
export async function checkEnds(parts: CheckParts): Promise<void> {
  const { outbox, connection } = parts;
  for (
    let due = outbox.dueForCheck(Date.now(), BATCH);
    due.length > 0;
    due = outbox.dueForCheck(Date.now(), BATCH)
  ) {
    await connection.use((session) =>
      Promise.all(due.map(({ entry, checks }) => checkOne(parts, session, entry, checks))),
    );
  }
}

async function checkOne(
  { outbox, log }: CheckParts,
  session: BrokerSession,
  entry: OutboxEntry,
  checks: number,
): Promise<void> {
  // NATS has not forgotten a job with a record that cannot be read. A worker ends the job.
  const record = await readRecord(session, entry.job).catch(ignoreUnreadable);
  if (record !== undefined && isEnded(record)) return outbox.remove([entry.position]);
  if (record === undefined || !isForgotten(record, entry, Date.now())) {
    const pauseMs = Math.min(LONGEST_PAUSE_MS, 1_000 * 2 ** checks);
    return outbox.checkLater(entry.position, Date.now() + pauseMs, checks + 1);
  }
  log.error(
    'NATS has forgotten a job that it acknowledged; it is published again',
    jobFields(entry.job),
    carriedContext(entry.job.carrier),
  );
  outbox.requeue(entry.position);
}

function isForgotten(record: BrokerRecord, { job }: OutboxEntry, now: number): boolean {
  if (isStored(record)) return false;
  if (job.spec.dueAt !== undefined && now < Date.parse(job.spec.dueAt) + DUE_GRACE_MS) return false;
  return record.event === undefined || now > Date.parse(record.event.at) + RUNNING_GRACE_MS;
}
