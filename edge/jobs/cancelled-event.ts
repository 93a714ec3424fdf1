import { type JobEvent, jobBehind, makeEvent } from '../../shared/job/event.ts';
import { type BrokerRecord, jobOfRecord, messageOf } from './broker-record.ts';
import { acceptedJobOf } from './job-reader.ts';
import { type OutgoingJob, traceIdOf } from './outgoing-job.ts';

const CANCELLED = { code: 'job-cancelled', message: 'cancelled by its caller' } as const;

/**
 * The end of a job that was cancelled before a worker began it, or between two attempts. It stays in the job's own trace.
 * @param bridge the name of the bridge that ends it
 */
export function cancelledEvent(bridge: string, record: BrokerRecord): JobEvent {
  const ended = { worker: bridge, error: CANCELLED };
  if (record.event === undefined) {
    const { traceId } = jobOfRecord(record);
    const job = acceptedJobOf(messageOf(record));
    return makeEvent('cancelled', job, { ...ended, attempt: 0, traceId, spanId: '' });
  }
  const { attempt, released, startedAt, traceId, spanId } = record.event;
  const last = { attempt, released, startedAt, traceId, spanId };
  return makeEvent('cancelled', jobBehind(record.event), { ...ended, ...last });
}

/** The end of a job that was cancelled while the outbox had it. @param at when, RFC 3339 */
export function cancelledInOutbox(bridge: string, job: OutgoingJob, at: string): JobEvent {
  const facts = { attempt: 0, at, worker: bridge, traceId: traceIdOf(job), spanId: '', error: CANCELLED };
  return makeEvent('cancelled', job, facts);
}
