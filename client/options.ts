import type * as z from 'zod';
import type { SubmitJob } from '../shared/api/submit-job.ts';
import type { JobState } from '../shared/job/job.ts';
import type { Carrier } from '../shared/propagation/carrier.ts';
import type { ApiError } from './errors.ts';

/** The options of a client. */
export interface ClientOptions {
  /** Where the API is: `https://jobs.example`. */
  readonly url: string;
  /** An API key or a JWT. */
  readonly apiKey?: string | undefined;
  /** Gives the trace of each request, for example with OpenTelemetry's `propagation.inject`. */
  readonly trace?: (() => TraceHeaders) | undefined;
  /** Headers that are added to every request. Those that the client itself sends count before them. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Ends all requests when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Replaces the global `fetch`, for example with that of a service binding. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Says why fetch failed, for the message of a `NoAnswerError`. By default, the words of the deepest cause. */
  readonly explain?: Explain | undefined;
}

/**
 * Says why fetch failed, as the end of a sentence.
 * @param thrown what fetch threw; what tells more is its `cause`
 * @param request its address, whether an answer had begun, and in how many milliseconds it failed before that
 */
export type Explain = (
  thrown: unknown,
  request: { readonly url: string; readonly isAnswered: boolean; readonly afterMs?: number | undefined },
) => string;

/** Body of `POST /v1/jobs`. */
export type Submission = z.input<typeof SubmitJob>;

export type { ScheduleRequest } from '../shared/api/schedule.ts';

/** The headers `traceparent`, `tracestate` and `baggage`, as OpenTelemetry's `propagation.inject` writes them. */
export type TraceHeaders = Carrier;

/** The options of every call. */
export interface CallOptions {
  /** The trace that the request belongs to. It wins over the client's own `trace`. */
  readonly trace?: TraceHeaders | undefined;
  /** Ends the request when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for each exchange, without the time that the API is asked to wait. Infinity: no limit. */
  readonly timeoutMs?: number | undefined;
}

/** The options of a call that may wait for the end of a job. */
export interface WaitOptions extends CallOptions {
  /** Asks the API to wait for the job's end before it answers: seconds, rounded up, at most 60. */
  readonly waitSeconds?: number | undefined;
}

/** The options of a submission. */
export interface SubmitOptions extends WaitOptions {
  /** Makes it safe to send the request again: the same key with the same job means the same job. */
  readonly idempotencyKey?: string | undefined;
}

/** The options of a call that follows the events of a job. */
export interface WatchOptions extends Omit<CallOptions, 'timeoutMs'> {
  /** The id of the last event that you know. Without it, the events start with the first one. */
  readonly lastEventId?: string | undefined;
  /** Called each time that the API asks to wait before the next connection: its limits are reached, or NATS is away. */
  readonly onBusy?: ((refusal: ApiError) => void) | undefined;
}

/** Which jobs to list. */
export interface JobFilter<Name extends string = string> {
  readonly state?: JobState | undefined;
  readonly operation?: Name | undefined;
  /** Only jobs that have all of these tags. */
  readonly tags?: readonly string[] | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** Which jobs to cancel: of those that have not ended. */
export interface CancelFilter<Name extends string = string> extends JobFilter<Name> {
  readonly state?: 'queued' | 'running' | 'retrying' | undefined;
}

/** Which dead letters to list. */
export interface DeadLetterFilter<Name extends string = string> {
  readonly operation?: Name | undefined;
  /** Only jobs that have all of these tags. */
  readonly tags?: readonly string[] | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** Which schedules to list. */
export interface ScheduleFilter {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** Which dead letters to send again. */
export interface RedriveFilter<Name extends string = string> extends DeadLetterFilter<Name> {
  /** Only jobs that failed with this error code. */
  readonly reason?: string | undefined;
}
