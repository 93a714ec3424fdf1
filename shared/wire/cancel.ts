/** The notice that a job is to end, on `cancel.<tenant>.<jobId>`: told to every worker, and kept in `CANCELS`. */
import type { SpanContext } from '@opentelemetry/api';
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

export interface CancelNotice {
  readonly tenant: string;
  readonly jobId: string;
  /**
   * The job's message in `JOBS`, by its sequence: a later message with the same job id (a redrive) is not meant, and a
   * worker that forgets a notice knows from it which messages it can no longer judge.
   */
  readonly sequence: number;
  /** The span of the request that cancelled. */
  readonly sentBy: SpanContext | undefined;
}

/** Headers of a cancel notice; its body is empty. */
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

/** Reads a cancel notice; undefined when it is none (somebody else wrote to the subject). */
export function readCancelNotice(
  subject: string,
  headers: NatsHeadersLike | undefined,
): CancelNotice | undefined {
  const job = parseCancelSubject(subject);
  const sequence = Number(headerValues(headers)(HEADER.jobSequence)[0]);
  if (job === undefined || !Number.isSafeInteger(sequence) || sequence < 1) return undefined;
  return { ...job, sequence, sentBy: extract(fromNatsHeaders(headers)).spanContext };
}
