import { JetStreamApiError, type JetStreamManager, type StoredMsg } from '@nats-io/jetstream';
import type { JobEvent } from '../../shared/job/event.ts';
import { API_CODE } from '../../shared/nats/api-codes.ts';
import { CANCELS_STREAM, EVENTS_STREAM } from '../../shared/nats/streams.ts';
import { type CancelNotice, readCancelNotice } from '../../shared/wire/cancel.ts';
import { readJobEvent } from '../../shared/wire/event-message.ts';
import { cancelSubject, eventSubject } from '../../shared/wire/subjects.ts';

/** What the streams know of a job. */
export interface JobRecord {
  /** Its last event. */
  readonly event: JobEvent | undefined;
  /** The sequence of its last event; 0: there is none. */
  readonly last: number;
  readonly cancel: CancelNotice | undefined;
}

/**
 * The last event of a job, and the last cancel.
 * @throws whatever the NATS client throws when the broker does not answer
 */
export async function readJobRecord(
  manager: JetStreamManager,
  tenant: string,
  jobId: string,
): Promise<JobRecord> {
  const [cancel, event] = await Promise.all([
    storedCancel(manager, tenant, jobId),
    lastMessage(manager, EVENTS_STREAM, eventSubject(tenant, jobId)),
  ]);
  return { event: event && readJobEvent(event.data), last: event?.seq ?? 0, cancel };
}

/** The last cancel of a job, or undefined. @throws whatever the NATS client throws */
export async function storedCancel(
  manager: JetStreamManager,
  tenant: string,
  jobId: string,
): Promise<CancelNotice | undefined> {
  const message = await lastMessage(manager, CANCELS_STREAM, cancelSubject(tenant, jobId));
  return message === undefined ? undefined : readCancelNotice(message.subject, message.header);
}

async function lastMessage(
  manager: JetStreamManager,
  stream: string,
  subject: string,
): Promise<StoredMsg | undefined> {
  try {
    return (await manager.streams.getMessage(stream, { last_by_subj: subject })) ?? undefined;
  } catch (thrown) {
    if (thrown instanceof JetStreamApiError && thrown.code === API_CODE.messageNotFound) return undefined;
    throw thrown;
  }
}
