import type { JobEvent } from '../../shared/job/event.ts';
import { headerValues } from '../../shared/wire/headers.ts';
import { readRedrive } from '../../shared/wire/redrive.ts';
import { type BrokerRecord, jobOfRecord } from './broker-record.ts';
import { jobOfMessage } from './job-reader.ts';
import { type OutgoingJob, queuedJob } from './outgoing-job.ts';

const CANCELLED = { code: 'job-cancelled', message: 'cancelled by its caller' } as const;

/**
 * The end of a job that was cancelled before a worker began it, or between two attempts. It stays in the job's own trace.
 * @param bridge the name of the bridge that ends it
 */
export function cancelledEvent(bridge: string, jobId: string, record: BrokerRecord): JobEvent {
  const { progress: _, result: __, retryInMs: ___, ...last } = record.event ?? firstEvent(record, jobId);
  return { ...last, kind: 'cancelled', at: new Date().toISOString(), worker: bridge, error: CANCELLED };
}

/** The end of a job that was cancelled while the outbox had it. @param at when, RFC 3339 */
export function cancelledInOutbox(bridge: string, job: OutgoingJob, at: string): JobEvent {
  const { id: jobId, operation, maxAttempts, acceptedAt, traceId } = queuedJob(job, 'outbox');
  return {
    ...{ kind: 'cancelled', jobId, operation, attempt: 0, maxAttempts, released: 0, acceptedAt, at },
    ...{ worker: bridge, traceId, spanId: '' },
    ...(job.fingerprint === undefined ? {} : { fingerprint: job.fingerprint }),
    error: CANCELLED,
  };
}

/** The fields of an event of a job to which nothing has happened yet. */
function firstEvent(record: BrokerRecord, jobId: string): Omit<JobEvent, 'kind' | 'at' | 'worker'> {
  const { operation, attempt, maxAttempts, acceptedAt, traceId } = jobOfRecord(record, jobId);
  const first = { jobId, operation, attempt, maxAttempts, released: 0, acceptedAt, traceId, spanId: '' };
  return { ...first, ...messageFields(record) };
}

/** The fields that each event repeats from the job's message. */
function messageFields({
  queued,
  delayed,
}: BrokerRecord): Pick<JobEvent, 'fingerprint' | 'redriveCount' | 'previousTraceIds'> {
  const message = queued ?? delayed;
  if (message === undefined) return {};
  const redrive = readRedrive(headerValues(message.headers));
  const { fingerprint } = jobOfMessage('', message);
  return {
    ...(fingerprint === undefined ? {} : { fingerprint }),
    ...(redrive === undefined
      ? {}
      : { redriveCount: redrive.redriveCount, previousTraceIds: [...redrive.previousTraceIds] }),
  };
}
