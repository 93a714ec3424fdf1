import type * as z from 'zod';
import type { SubmitJob } from '../shared/api/submit-job.ts';
import type { JobState } from '../shared/job/job.ts';
import type { Carrier } from '../shared/propagation/carrier.ts';

/** Body of `POST /v1/jobs`. */
export type Submission = z.input<typeof SubmitJob>;

/** `traceparent`, `tracestate` and `baggage` of the caller's trace, as OpenTelemetry's `propagation.inject` writes them. */
export type TraceHeaders = Carrier;

/** What every call takes. */
export interface CallOptions {
  /** The trace that the request belongs to; wins over the client's own `trace`. */
  readonly trace?: TraceHeaders | undefined;
  /** Ends the request. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for the whole exchange, beside what the API is asked to wait. */
  readonly timeoutMs?: number | undefined;
}

export interface WaitOptions extends CallOptions {
  /** Seconds, at most 60, that the API is asked to wait for the job's end before it answers. */
  readonly waitSeconds?: number | undefined;
}

export interface SubmitOptions extends WaitOptions {
  /** The same key with the same job means the same job, so that a request may be sent again. */
  readonly idempotencyKey?: string | undefined;
}

export interface WatchOptions extends CallOptions {
  /** The id of the last event that is known; absent: from the first one on. */
  readonly lastEventId?: string | undefined;
}

/** Which jobs. */
export interface JobFilter {
  readonly state?: JobState | undefined;
  readonly operation?: string | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** Which dead letters. */
export interface DeadLetterFilter {
  readonly operation?: string | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export interface RedriveFilter extends DeadLetterFilter {
  /** Only those that died of this error code. */
  readonly reason?: string | undefined;
}
