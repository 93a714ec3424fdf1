import type { Schedule, ScheduleRun, ScheduleSummary } from '../../shared/api/answers/schedule.ts';
import { SCHEDULE_LIMITS } from '../../shared/api/schedule.ts';
import { defined } from '../../shared/defined.ts';
import { jobLinks } from '../../shared/job/accepted-job.ts';
import { timingOf } from './run-maker.ts';
import { type RunRow, requestOf, type ScheduleRow, type SmallRow, termsOf } from './schedule-row.ts';
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

/** A schedule as a list shows it. The time of its next run is not computed here, but when the last run was decided. */
export function scheduleSummary(row: SmallRow): ScheduleSummary {
  const { operation, cron, every, timeZone } = termsOf(row);
  const nextRun = row.wake_at === null ? undefined : timeOf(row.wake_at);
  return defined({ operation, cron, every, timeZone, ...commonOf(row), nextRun });
}

function commonOf({ name, paused, created_at, updated_at }: SmallRow) {
  return {
    name,
    paused: paused === 1,
    createdAt: timeOf(created_at),
    updatedAt: timeOf(updated_at),
    links: { self: `/v1/schedules/${name}` },
  };
}

function nextRuns(row: SmallRow, now: number, count: number): string[] {
  const times: string[] = [];
  if (row.paused === 1) return times;
  const timing = timingOf(row);
  for (let at = nextRun(timing, now); at !== undefined; at = nextRun(timing, at)) {
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
