import { defined } from '../defined.ts';
import type { Job } from './job.ts';
import { type AcceptedSpec, pickShownSpec } from './job-spec.ts';
import type { Redrive } from './redrive.ts';

/** A job that was accepted. Its fields do not change until the job is redriven. */
export interface AcceptedJob {
  readonly jobId: string;
  readonly operation: string;
  /** RFC 3339. */
  readonly acceptedAt: string;
  readonly spec: AcceptedSpec;
  /** The redrives of the job; absent before the first redrive. */
  readonly redrive?: Redrive | undefined;
}

/** Shows a job that has no event yet, as the HTTP API shows it. */
export function jobWithoutEvents(
  { jobId, operation, acceptedAt, spec, redrive }: AcceptedJob,
  { durability, traceId }: Pick<Job, 'durability' | 'traceId'>,
): Job {
  return defined({
    id: jobId,
    operation,
    state: 'queued' as const,
    attempt: 0,
    durability,
    acceptedAt,
    ...pickShownSpec(spec),
    traceId,
    previousTraceIds: redrive?.previousTraceIds,
    links: jobLinks(jobId),
  });
}

/** Returns the addresses of a job, relative to the API's origin. */
export function jobLinks(jobId: string): Job['links'] {
  return { self: `/v1/jobs/${jobId}` };
}
