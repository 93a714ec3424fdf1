import type { JobAddress } from '../../../shared/job/job-address.ts';

/** A job that the harness has published. */
export interface SubmittedJob {
  /** What its subject says; if that is not the subject of a job, the names that a worker gives the message. */
  readonly address: JobAddress;
  readonly subject: string;
  /** The sequence of its message in `JOBS`. */
  readonly sequence: number;
  readonly body: Uint8Array;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The trace that its message is in; undefined if the message has none, or a broken one. */
  readonly traceId: string | undefined;
}
