import {
  Schedule,
  SchedulePage,
  ScheduleRun,
  ScheduleSummary,
} from '../../../shared/api/answers/schedule.ts';
import { Every, SCHEDULE_LIMITS, ScheduleBody } from '../../../shared/api/schedule.ts';
import { DURATION } from '../../../shared/text/duration.ts';
import { describe } from './describe.ts';

describe('Interval', Every, {
  description: 'How often to run: a duration (see `Duration`) from 1 second to 366 days.',
  more: { pattern: DURATION.source, examples: ['90s', '1h30m', 'PT1H'] },
});

/** The fields that say what the job of each run is. */
const JOB = {
  operation: 'The operation that each run is a job of.',
  input: 'The input of each job.',
  timeout: "How long one attempt may take. The operation's own limit also holds.",
  maxAttempts: "The most attempts that each job has. The operation's own limit also holds.",
  callback: 'Where to send a message when a job ends.',
  priority: 'How urgent the jobs are. Without it: `normal`.',
  orderingKey: 'The jobs run one after the other, also with other jobs that have the same key.',
  tags: { description: 'Texts by which the jobs can be found again.', uniqueItems: true },
};

/** The fields that say when the runs are. */
const TIMES = {
  cron: 'When to run, in five fields: minute, hour, day of month, month, day of week.',
  every: 'How often to run, counted from the time at which the schedule was made. Either this or `cron`.',
  timeZone:
    'The IANA name of the time zone of `cron`. Without it: UTC. A time that daylight saving skips runs when the clock has gone on; a time that comes twice runs once, unless the expression has a `*` or a step in its hours or minutes.',
};

const CATCH_UP =
  'What happens to runs that the edge has missed, because it was away for more than 30 seconds: none is made, or the last, or all of them (at most the last 1,440).';
const OVERLAP = '`skip`: a run is left out while the job of the last run has not ended.';

describe('ScheduleRequest', ScheduleBody, {
  description: 'A job, and when to run it. An unknown field is an error.',
  fields: {
    ...JOB,
    ...TIMES,
    catchUp: `${CATCH_UP} Without it: \`last\`.`,
    overlap: `${OVERLAP} Without it: \`allow\`.`,
    paused:
      'Whether no runs are made. Without it, a schedule that exists stays as it is, and a new one is not paused.',
  },
});

describe('ScheduleRun', ScheduleRun, {
  description: 'What became of a run of a schedule.',
  fields: {
    scheduledFor: 'When it was due. For a triggered run: when it was asked for.',
    outcome:
      '`submitted`: there is a job. `skipped`: there is none, by the rules of the schedule. `refused`: the job was not accepted.',
    triggered: 'A caller asked for this run.',
    jobId: 'The id of its job.',
    reason:
      'Why it was skipped. `missed`: the edge was away, and `catchUp` leaves it out. `overlap`: the job of the last run had not ended.',
    code: 'Why it was refused: the error code.',
    count: `How many runs in a row this stands for, up to this one. Absent: one. Of missed runs, 100 are counted at most.`,
    links: 'Paths of this API.',
  },
});

/** The fields that a schedule and its summary share. */
const SHOWN = {
  name: 'Its name.',
  paused: 'Whether no runs are made.',
  createdAt: 'When it was made.',
  updatedAt: 'When it was changed, paused or resumed the last time.',
  links: 'Paths of this API.',
};

describe('ScheduleSummary', ScheduleSummary, {
  description: 'A schedule in a list.',
  fields: {
    ...SHOWN,
    operation: JOB.operation,
    ...TIMES,
    nextRun:
      'When it runs next, also if this is another try of a run that was refused. Absent while it is paused.',
  },
});

describe('Schedule', Schedule, {
  description: 'A schedule and its runs. Times are RFC 3339 in UTC.',
  fields: {
    ...JOB,
    ...TIMES,
    ...SHOWN,
    catchUp: CATCH_UP,
    overlap: OVERLAP,
    nextRuns: `When it runs next: up to ${SCHEDULE_LIMITS.shownNextRuns} times. Empty while it is paused.`,
    lastRuns: `Its last runs, newest first: up to ${SCHEDULE_LIMITS.shownLastRuns}.`,
  },
});

describe('SchedulePage', SchedulePage, {
  description: 'Schedules, by name.',
  fields: {
    schedules: 'The schedules of this page.',
    cursor: 'Send it to read the next page. Absent on the last page.',
  },
});
