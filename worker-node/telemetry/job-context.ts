import { type Context, context, createContextKey } from '@opentelemetry/api';

const JOB = createContextKey('throughline.job');

/** Which job's code runs. The names are those of the log. */
export interface JobFields {
  readonly job_id: string;
  readonly operation: string;
  readonly attempt: number;
}

/** A context in which the code of a job runs. Timers and promises that this code starts keep it. */
export function withJob(parent: Context, job: JobFields): Context {
  return parent.setValue(JOB, job);
}

/** The job whose code runs now; undefined if it is not the code of a job. */
export function activeJob(): JobFields | undefined {
  return context.active().getValue(JOB) as JobFields | undefined;
}
