import type { SpanContext } from '@opentelemetry/api';
import type { ScheduleRun } from '../../shared/api/answers/schedule.ts';
import type { ScheduleRequest } from '../../shared/api/schedule.ts';
import { defined } from '../../shared/defined.ts';
import type { JobSpec } from '../../shared/job/job-spec.ts';
import type { InputCheck } from '../calls/commands.ts';

/** The job of each run: one row, which may be large. It is read only for a run, and to show the whole schedule. */
export type JobRequest = {
  /** The request as JSON, without `paused`. */
  request: string;
  /** What the job of each run is asked to be, as JSON. */
  spec: string;
};

/** The small fields of a request: the operation, and when it runs. */
export type Terms = Pick<
  ScheduleRequest,
  'operation' | 'cron' | 'every' | 'timeZone' | 'catchUp' | 'overlap'
>;

/** The definition of a schedule: one small row, written by a PUT. Times are epoch milliseconds. */
export type Definition = {
  name: string;
  tenant: string;
  /** Changes with the schedule, also when it is deleted and made again. Runs of an older version stop. */
  version: string;
  created_at: number;
  updated_at: number;
  /** {@link Terms} as JSON. */
  terms: string;
  /** SHA-256 of the request. */
  digest: string;
  /** The span of the request that made this version, as JSON; empty: none. */
  maker: string;
  paused: 0 | 1;
};

/** How far a schedule is: one small row, written at each run. Times are epoch milliseconds. */
export type Progress = {
  /** All runs up to this time are decided: they were made, skipped or refused. */
  decided_at: number;
  /** When there is something to do; null while the schedule is paused. */
  wake_at: number | null;
  /** The time of a run that was refused and is tried again; null: none. */
  pending_at: number | null;
  /** How often that run was tried, and the code of the last refusal. */
  tries: number;
  pending_code: string;
  /** The job of the last run; empty: none. */
  last_job: string;
  /** What the check of the input found, as JSON; empty: it was not checked. */
  input_check: string;
};

/** The progress of a schedule without a run that is tried again. */
export const NOTHING_PENDING = { pending_at: null, tries: 0, pending_code: '' } as const;

/** A schedule without the job of its runs. */
export type SmallRow = Definition & Progress;
export type ScheduleRow = SmallRow & JobRequest;

/** What became of a run: one row. */
export type RunRow = {
  scheduled_for: number;
  outcome: ScheduleRun['outcome'];
  triggered: 0 | 1;
  /** Empty: none. */
  job_id: string;
  reason: NonNullable<ScheduleRun['reason']> | '';
  code: string;
  /** How many runs in a row it stands for. */
  count: number;
};

/** The row of a run. */
export function runRow(at: number, outcome: RunRow['outcome'], more: Partial<RunRow> = {}): RunRow {
  return { scheduled_for: at, outcome, triggered: 0, job_id: '', reason: '', code: '', count: 1, ...more };
}

/** The request that made the schedule, without `paused`. */
export function requestOf(row: Pick<JobRequest, 'request'>): ScheduleRequest {
  return JSON.parse(row.request) as ScheduleRequest;
}

/** The small fields of a request. */
export function termsIn({ operation, cron, every, timeZone, catchUp, overlap }: ScheduleRequest): Terms {
  return defined({ operation, cron, every, timeZone, catchUp, overlap });
}

/** The terms in a row. */
export function termsOf(row: Pick<Definition, 'terms'>): Terms {
  return JSON.parse(row.terms) as Terms;
}

/** The spec in a row. */
export function specOfRow(row: Pick<JobRequest, 'spec'>): JobSpec {
  return JSON.parse(row.spec) as JobSpec;
}

/** The span of the request that made the schedule, if there was one. */
export function makerOf({ maker }: Pick<Definition, 'maker'>): SpanContext | undefined {
  return maker === '' ? undefined : (JSON.parse(maker) as SpanContext);
}

/** What the check of the input found; undefined if it was not checked. */
export function inputCheckOf({ input_check }: Pick<Progress, 'input_check'>): InputCheck | undefined {
  return input_check === '' ? undefined : (JSON.parse(input_check) as InputCheck);
}
