/**
 * The cancel notice, on `cancel.<tenant>.<jobId>`. Every worker gets the notice, and the stream `CANCELS` stores it.
 */
import type { SpanContext } from '@opentelemetry/api';
import type { JobKey } from '../job/job-address.ts';
import {
  type Carrier,
  extract,
  fromNatsHeaders,
  type NatsHeadersLike,
  setCarrier,
} from '../propagation/index.ts';
import { HEADER, headerValues, type SetHeader, writeCloudEvent } from './headers.ts';
import { parseCancelSubject } from './subjects.ts';

const CANCEL_TYPE = 'dev.throughline.job.cancel';

export interface CancelNotice extends JobKey {
  /**
   * The sequence of the job's message in `JOBS`. After a redrive the job has a later message, and this notice is not
   * valid for that message.
   */
  readonly sequence: number;
  /** The span of the request that cancelled the job. */
  readonly sentBy: SpanContext | undefined;
}

/** Writes the headers of a cancel notice. The body of a notice is empty. */
export function writeCancelHeaders(
  notice: { readonly jobId: string; readonly sequence: number; readonly source: string; readonly at: string },
  carrier: Carrier,
  set: SetHeader,
): void {
  const { jobId, source, at } = notice;
  writeCloudEvent(set, { id: `${jobId}:cancel:${at}`, source, type: CANCEL_TYPE, time: at });
  set(HEADER.jobSequence, String(notice.sequence));
  setCarrier(carrier, set);
}

/**
 * Reads a cancel notice. Returns undefined if the message is not a notice: another program may write to the subject.
 */
export function readCancelNotice(
  subject: string,
  headers: NatsHeadersLike | undefined,
): CancelNotice | undefined {
  const job = parseCancelSubject(subject);
  const sequence = Number(headerValues(headers)(HEADER.jobSequence)[0]);
  if (job === undefined || !Number.isSafeInteger(sequence) || sequence < 1) return undefined;
  return { ...job, sequence, sentBy: extract(fromNatsHeaders(headers)).spanContext };
}
