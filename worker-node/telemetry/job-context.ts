import { type Context, context, createContextKey } from '@opentelemetry/api';

const JOB = createContextKey('throughline.job');

/** Which job's code runs. The names are those of the log. */
export interface JobFields {
  readonly job_id: string;
  readonly operation: string;
  readonly tenant: string;
  readonly attempt: number;
}

interface RunningJob {
  readonly job: JobFields;
  readonly fail: (thrown: unknown) => void;
}

/**
 * A context in which the code of a job runs. Timers and promises that this code starts keep it.
 * @param fail ends the attempt, because its code has left an error behind
 */
export function withJob(parent: Context, job: JobFields, fail: RunningJob['fail']): Context {
  return parent.setValue(JOB, { job, fail } satisfies RunningJob);
}

/** The job whose code runs now; undefined if it is not the code of a job. */
export function activeJob(): JobFields | undefined {
  return runningJob()?.job;
}

/** Fails the attempt whose code runs now, unless it has ended. */
export function failActiveJob(thrown: unknown): void {
  runningJob()?.fail(thrown);
}

function runningJob(): RunningJob | undefined {
  return context.active().getValue(JOB) as RunningJob | undefined;
}
