import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import type { JobEvent } from '../../shared/job/event.ts';
import type { JobAddress } from '../../shared/job/job-address.ts';
import { CANCELS_STREAM, EVENTS_STREAM } from '../../shared/nats/streams.ts';
import { type CancelNotice, readCancelNotice } from '../../shared/wire/cancel.ts';
import { readJobEvent } from '../../shared/wire/event-message.ts';
import { cancelSubject, eventSubject } from '../../shared/wire/subjects.ts';
import type { BrokerRetry } from './broker-retry.ts';
import { lastMessage } from './last-message.ts';

/** What the streams hold about a job. */
export interface JobRecord {
  /** The last event; undefined if there is none, or if it cannot be read. */
  readonly event: JobEvent | undefined;
  /** Whether there is a last event that cannot be read. Then nobody knows what happened to the job, so it must not run. */
  readonly isUnreadable: boolean;
  /** The sequence of the last event; 0: there is none. */
  readonly lastSequence: number;
  readonly cancel: CancelNotice | undefined;
}

/** The record of a job that nothing happened to. */
export const EMPTY_RECORD: JobRecord = {
  event: undefined,
  isUnreadable: false,
  lastSequence: 0,
  cancel: undefined,
};

/** Reads the records of jobs. */
export class JobRecords {
  readonly #manager: JetStreamManager;
  readonly #retry: BrokerRetry;

  constructor(manager: JetStreamManager, retry: BrokerRetry) {
    this.#manager = manager;
    this.#retry = retry;
  }

  /** Tries until the broker answers. @throws ThroughlineError `broker-unavailable` */
  async read(address: JobAddress): Promise<JobRecord> {
    return await this.#retry.run('job records cannot be read', () => readRecord(this.#manager, address));
  }
}

/** Asks the broker once. @throws whatever the NATS client throws */
export async function readRecord(
  manager: JetStreamManager,
  { tenant, jobId }: JobAddress,
): Promise<JobRecord> {
  const [cancel, event] = await Promise.all([
    storedCancel(manager, tenant, jobId),
    lastMessage(manager, EVENTS_STREAM, eventSubject(tenant, jobId)),
  ]);
  return { ...lastEvent(event), cancel };
}

function lastEvent(message: StoredMsg | undefined): Omit<JobRecord, 'cancel'> {
  if (message === undefined) return EMPTY_RECORD;
  const event = readJobEvent(message.data);
  return { event, isUnreadable: event === undefined, lastSequence: message.seq };
}

/** The last cancel notice of a job, or undefined. @throws whatever the NATS client throws */
async function storedCancel(
  manager: JetStreamManager,
  tenant: string,
  jobId: string,
): Promise<CancelNotice | undefined> {
  const message = await lastMessage(manager, CANCELS_STREAM, cancelSubject(tenant, jobId));
  return message === undefined ? undefined : readCancelNotice(message.subject, message.header);
}
