/** What the edge asks of a bridge, and what it answers: plain data, since a call may cross machines. */

import type { Job } from '../../shared/job/job.ts';
import type { Carrier } from '../../shared/propagation/index.ts';
import type { Callback } from '../../shared/wire/callback.ts';

export interface SubmitCommand {
  readonly tenant: string;
  readonly jobId: string;
  readonly operation: string;
  readonly input: unknown;
  readonly acceptedAt: string;
  /** RFC 3339; undefined: at once. */
  readonly dueAt: string | undefined;
  readonly maxAttempts: number | undefined;
  readonly timeoutMs: number | undefined;
  /** Whom to tell of its end. */
  readonly callback?: Callback | undefined;
  /** Milliseconds to wait for the job's end; 0 = not at all. */
  readonly waitMs: number;
  /** Digest of the request, with an `Idempotency-Key`: a job with this id may be there already. */
  readonly fingerprint: string | undefined;
  readonly carrier: Carrier;
}

/** What a submission came to. */
export interface Submission {
  readonly job: Job;
  /** The job was there already, with the same idempotency key and the same request. */
  readonly replayed: boolean;
}

export interface ReadCommand {
  readonly tenant: string;
  readonly jobId: string;
  readonly carrier: Carrier;
}

export interface WatchCommand extends ReadCommand {
  /** Only events behind this sequence. */
  readonly after: number;
}

export interface CancelCommand {
  readonly tenant: string;
  readonly jobId: string;
  /** Milliseconds to wait for the end of a job that runs; 0 = not at all. */
  readonly waitMs: number;
  readonly carrier: Carrier;
}

export interface OutboxCommand {
  readonly tenant: string;
  readonly limit: number;
  readonly carrier: Carrier;
}

export interface Cancellation {
  readonly job: Job;
  /** Whether the job ended in another way before it could be cancelled. */
  readonly tooLate: boolean;
}
