import { CANCELLED_ERROR } from '../../shared/job/attempt-report.ts';
import { type JobEvent, jobOfEvent, makeEvent } from '../../shared/job/event.ts';
import type { Job } from '../../shared/job/job.ts';
import { readJob } from '../jobs/job-reader.ts';
import { type OutgoingJob, queuedJob, traceIdOf } from '../jobs/outgoing-job.ts';
import type { BrokerAccess } from '../nats/broker-connection.ts';
import { RequestBroker } from '../nats/request-broker.ts';
import type { Outbox } from './outbox.ts';
import type { OutboxEntry } from './outbox-entry.ts';

/** Shows a pending or rejected job as its caller sees it. @param bridge the bridge's name */
export function pendingJob({ job, cancelledAt, reason }: OutboxEntry, bridge: string): Job {
  if (cancelledAt !== undefined)
    return { ...jobOfEvent(cancelledInOutbox(bridge, job, cancelledAt)), durability: 'outbox' };
  const queued = queuedJob(job, 'outbox');
  if (reason === undefined) return queued;
  return { ...queued, error: { code: 'broker-rejected', message: reason } };
}

/** Whether NATS may have a job with the id of a pending job: the pending job itself, or an earlier one of its idempotency key. */
export function mayBeAtBroker({ publication, job }: OutboxEntry): boolean {
  return publication === 'unanswered' || job.spec.fingerprint !== undefined;
}

/**
 * Reads a job that the outbox has and NATS does not. If NATS may have the job, the bridge asks NATS.
 * @returns undefined if NATS has the job, or if the outbox does not have the job
 */
export async function readPendingJob(
  bridge: { readonly name: string; readonly outbox: Outbox; readonly connection: BrokerAccess },
  tenant: string,
  jobId: string,
): Promise<Job | undefined> {
  const entry = bridge.outbox.findPending(tenant, jobId);
  if (entry === undefined) return undefined;
  if (mayBeAtBroker(entry)) {
    const broker = await RequestBroker.start(bridge.connection);
    if ((await broker.ask((session) => readJob(session, tenant, jobId))) !== undefined) return undefined;
  }
  return { ...pendingJob(entry, bridge.name), attempts: [] };
}

/** Reads a job that NATS rejected. Call this only if NATS has no job with this id. @returns undefined if there is none */
export function readRejectedJob(
  { name, outbox }: { readonly name: string; readonly outbox: Outbox },
  tenant: string,
  jobId: string,
): Job | undefined {
  const entry = outbox.rejected.findByJob(tenant, jobId);
  return entry && { ...pendingJob(entry, name), attempts: [] };
}

/** Makes the event that ends a job which was cancelled in the outbox. @param at when the job was cancelled, RFC 3339 */
export function cancelledInOutbox(bridge: string, job: OutgoingJob, at: string): JobEvent {
  const facts = {
    attempt: 0,
    at,
    worker: bridge,
    traceId: traceIdOf(job),
    spanId: '',
    error: CANCELLED_ERROR,
  };
  return makeEvent('cancelled', job, facts);
}
