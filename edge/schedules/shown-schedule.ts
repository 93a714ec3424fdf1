import {
  SCHEDULE_LIMITS,
  type Schedule,
  type ScheduleRun,
  type ScheduleSummary,
} from '../../shared/api/schedule.ts';
import { defined } from '../../shared/defined.ts';
import { jobLinks } from '../../shared/job/accepted-job.ts';
import { timingOf } from './run-maker.ts';
import { type RunRow, requestOf, type ScheduleRow } from './schedule-row.ts';
import { nextRun } from './timing.ts';

/** A schedule as the API shows it. @param now epoch milliseconds */
export function shownSchedule(row: ScheduleRow, runs: readonly RunRow[], now: number): Schedule {
  const request = requestOf(row);
  return {
    ...request,
    ...commonOf(row),
    catchUp: request.catchUp ?? 'last',
    overlap: request.overlap ?? 'allow',
    nextRuns: nextRuns(row, now, SCHEDULE_LIMITS.shownNextRuns),
    lastRuns: runs.map(shownRun),
  };
}

/** A schedule as a list shows it. @param now epoch milliseconds */
export function scheduleSummary(row: ScheduleRow, now: number): ScheduleSummary {
  const { operation, cron, every, timeZone } = requestOf(row);
  const [nextRun] = nextRuns(row, now, 1);
  return defined({ operation, cron, every, timeZone, ...commonOf(row), nextRun });
}

function commonOf({ name, paused, created_at, updated_at }: ScheduleRow) {
  return {
    name,
    paused: paused === 1,
    createdAt: timeOf(created_at),
    updatedAt: timeOf(updated_at),
    links: { self: `/v1/schedules/${name}` },
  };
}

function nextRuns(row: ScheduleRow, now: number, count: number): string[] {
  const times: string[] = [];
  const timing = timingOf(row);
  for (
    let at = row.paused === 1 ? undefined : nextRun(timing, now);
    at !== undefined;
    at = nextRun(timing, at)
  ) {
    times.push(timeOf(at));
    if (times.length === count) break;
  }
  return times;
}

function shownRun({ scheduled_for, outcome, triggered, job_id, reason, code, count }: RunRow): ScheduleRun {
  return {
    scheduledFor: timeOf(scheduled_for),
    outcome,
    ...(triggered === 1 ? { triggered: true as const } : {}),
    ...(job_id === '' ? {} : { jobId: job_id, links: { job: jobLinks(job_id).self } }),
    ...(reason === '' ? {} : { reason }),
    ...(code === '' ? {} : { code }),
    ...(count === 1 ? {} : { count }),
  };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
