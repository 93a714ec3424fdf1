import { type JobEvent, jobBehind, makeEvent } from '../../shared/job/event.ts';
import { type BrokerRecord, jobOfRecord, messageOf } from './broker-record.ts';
import { acceptedJobOf } from './job-reader.ts';

/** The error of a job that its caller cancelled. */
export const CANCELLED = { code: 'job-cancelled', message: 'cancelled by its caller' } as const;

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
