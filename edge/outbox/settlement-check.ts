import { type BrokerStanding, standingOf } from '../jobs/broker-standing.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { OutboxEntry } from './outbox.ts';
import type { DrainParts } from './outbox-drain.ts';

const BATCH = 256;
const LONGEST_PAUSE_MS = 60_000;
/** A worker that has the job, though its message is gone, gets this long to end it. */
const RUNNING_GRACE_MS = 30_000;
/** The queue takes a job that is due from `DELAYED` a moment later. */
const DUE_GRACE_MS = 60_000;

/**
 * Looks for the ends of the jobs that NATS has (`OUTBOX_KEEP=settled`). One that NATS neither holds nor has an end
 * of was forgotten by a broker that had acknowledged it: back into the line with it.
 */
export class SettlementCheck {
  readonly #parts: Pick<DrainParts, 'connection' | 'outbox' | 'log'>;

  constructor(parts: Pick<DrainParts, 'connection' | 'outbox' | 'log'>) {
    this.#parts = parts;
  }

  /** Looks at all whose time has come. One run at a time: the keeper sees to that. @throws ThroughlineError `broker-unavailable` */
  async run(): Promise<void> {
    const { outbox, connection } = this.#parts;
    for (let due = outbox.due(Date.now(), BATCH); due.length > 0; due = outbox.due(Date.now(), BATCH)) {
      await connection.use((session) =>
        Promise.all(due.map(({ entry, checks }) => this.#checkOne(session, entry, checks))),
      );
    }
  }

  async #checkOne(session: BrokerSession, entry: OutboxEntry, checks: number): Promise<void> {
    const { outbox, log } = this.#parts;
    const standing = await standingOf(session, entry.job);
    if (standing.isEnded) return outbox.remove([entry.position]);
    if (!isForgotten(standing, entry, Date.now())) {
      const pauseMs = Math.min(LONGEST_PAUSE_MS, 1_000 * 2 ** checks);
      return outbox.checkLater(entry.position, Date.now() + pauseMs);
    }
    log.error('NATS has forgotten a job that it acknowledged; it is published again', {
      ...{ job_id: entry.job.jobId, tenant: entry.job.tenant },
    });
    outbox.requeue(entry.position);
  }
}

function isForgotten({ isStored, event }: BrokerStanding, { job }: OutboxEntry, now: number): boolean {
  if (isStored) return false;
  if (job.dueAt !== undefined && now < Date.parse(job.dueAt) + DUE_GRACE_MS) return false;
  return event === undefined || now > Date.parse(event.at) + RUNNING_GRACE_MS;
}
