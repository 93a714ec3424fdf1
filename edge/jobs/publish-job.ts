import { ThroughlineError } from '../../shared/errors.ts';
import type { JobAddress } from '../../shared/job/job-address.ts';
import { withoutDelay } from '../../shared/job/job-spec.ts';
import { DELAY_SINCE, isAtLeastVersion } from '../../shared/nats/server-version.ts';
import { writeJobHeaders, writeOutboxHeaders, writeScheduleHeaders } from '../../shared/wire/job-message.ts';
import type { Route } from '../../shared/wire/lanes.ts';
import { delayedSubject, jobSubject } from '../../shared/wire/subjects.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { OutgoingJob } from './outgoing-job.ts';

/** The `source` of every message that a bridge writes. */
export const BRIDGE_SOURCE = '/throughline/bridge';

/** What the outbox adds to the message of a job. */
interface OutboxStay {
  /** How long the job waited in the outbox, in milliseconds. */
  readonly waitedMs: number;
  /** Whether NATS may already have had a message of this job. */
  readonly again: boolean;
}

/** What the subject of a job's message depends on. */
type Addressed = JobAddress & { readonly spec: { readonly dueAt?: string | undefined } };

/** Returns the subject of a job's message: in `DELAYED` while the job is not due, otherwise in the queue. */
export function subjectOf(job: Addressed, now: number, route: Route): string {
  return isDelayed(job, now) ? delayedSubject(job, route) : jobSubject(job, route);
}

/**
 * Publishes a job and waits for JetStream's acknowledgement.
 * @param route where the job waits in the queue
 * @param stay only for a job that comes from the outbox
 * @returns whether JetStream had this job already
 * @throws ThroughlineError see {@link BrokerSession.publish}
 */
export function publishJob(
  session: BrokerSession,
  job: OutgoingJob,
  body: Uint8Array,
  route: Route,
  stay?: OutboxStay,
): Promise<{ readonly duplicate: boolean }> {
  const now = Date.now();
  const delayed = isDelayed(job, now);
  const { acceptedAt, spec } = job;
  const toWrite = {
    address: job,
    acceptedAt,
    spec: delayed ? spec : withoutDelay(spec),
    source: BRIDGE_SOURCE,
  };
  return session.publish(
    subjectOf(job, now, route),
    (set) => {
      writeJobHeaders(toWrite, job.carrier, set);
      if (delayed && spec.dueAt !== undefined) writeScheduleHeaders(job, route, spec.dueAt, set);
      if (stay !== undefined) writeOutboxHeaders(stay, set);
    },
    body,
  );
}

/**
 * Checks that the server supports delayed jobs.
 * @throws ThroughlineError `delay-unsupported` naming the oldest nats-server version that does
 */
export function checkDelaySupport({ serverVersion }: Pick<BrokerSession, 'serverVersion'>): void {
  if (isAtLeastVersion(serverVersion, DELAY_SINCE)) return;
  throw new ThroughlineError(
    'delay-unsupported',
    `delayed jobs need nats-server ${DELAY_SINCE} or newer; this one is ${serverVersion ?? 'of no known version'}`,
  );
}

function isDelayed({ spec: { dueAt } }: Pick<Addressed, 'spec'>, now: number): boolean {
  return dueAt !== undefined && Date.parse(dueAt) > now;
}
