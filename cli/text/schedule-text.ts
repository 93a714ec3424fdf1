import type { Schedule, ScheduleRun, ScheduleSummary } from '../../shared/api/answers/schedule.ts';
import { escapeControls } from '../../shared/text/terminal/escape-controls.ts';
import { type Fact, factsText } from './facts.ts';
import { tableText } from './table.ts';
import { jsonText, type Paint } from './terminal.ts';

/** The colour of each outcome of a run. A later API may have others. */
const OUTCOME_COLORS: ReadonlyMap<string, keyof Paint> = new Map([
  ['submitted', 'green'],
  ['skipped', 'yellow'],
  ['refused', 'red'],
]);

/** A list of schedules for a person, one schedule a line. */
export function schedulesText(schedules: readonly ScheduleSummary[], paint: Paint): string {
  return tableText(
    schedules.map((schedule) => [
      { text: schedule.name, paint: paint.bold },
      schedule.operation,
      timingText(schedule),
      schedule.paused ? { text: 'paused', paint: paint.yellow } : `next ${schedule.nextRun ?? 'never'}`,
    ]),
  );
}

/** A schedule for a person, one fact a line. Text from the server is escaped. */
export function scheduleText(schedule: Schedule, paint: Paint): string {
  const { nextRuns, lastRuns } = schedule;
  return factsText(
    [
      ['schedule', paint.bold(escapeControls(schedule.name))],
      ['runs', escapeControls(timingText(schedule))],
      ['paused', schedule.paused ? paint.yellow('it makes no runs') : undefined],
      [
        'missed',
        { none: 'runs are left out', last: 'only the last run is made', all: 'all are made' }[
          schedule.catchUp
        ],
      ],
      ['overlap', schedule.overlap === 'skip' ? 'no run while the job before has not ended' : undefined],
      ['operation', escapeControls(schedule.operation)],
      ['input', jsonText(schedule.input)],
      ...jobFacts(schedule),
      ['changed', escapeControls(schedule.updatedAt)],
      ...nextRuns.map((time): Fact => ['next', escapeControls(time)]),
      ...lastRuns.map((run): Fact => ['last', runText(run, paint)]),
    ],
    paint,
  );
}

function jobFacts({ priority, orderingKey, tags, timeout, maxAttempts, callback }: Schedule): Fact[] {
  return [
    ['priority', priority && escapeControls(priority)],
    ['ordering', orderingKey && escapeControls(orderingKey)],
    ['tags', tags && escapeControls(tags.join(' '))],
    ['timeout', timeout && escapeControls(timeout)],
    ['attempts', maxAttempts === undefined ? undefined : `at most ${maxAttempts}`],
    ['callback', callback && escapeControls(callback.url)],
  ];
}

/** When a schedule runs: `30 2 * * * Europe/Berlin`, or `every 90s`. */
function timingText({ cron, every, timeZone }: ScheduleSummary | Schedule): string {
  return cron === undefined ? `every ${every}` : `${cron} ${timeZone ?? 'UTC'}`;
}

/** What became of a run, such as `2026-01-01T00:00:00.000Z skipped (missed, 3 runs)`. */
function runText(
  { scheduledFor, outcome, triggered, jobId, reason, code, count }: ScheduleRun,
  paint: Paint,
): string {
  const more = [reason, code, triggered && 'triggered', count && count > 1 ? `${count} runs` : undefined];
  const known = more.filter((part) => part);
  const remark = known.length === 0 ? '' : ` (${escapeControls(known.join(', '))})`;
  const job = jobId === undefined ? '' : ` ${escapeControls(jobId)}`;
  const end = paint[OUTCOME_COLORS.get(outcome) ?? 'cyan'](escapeControls(outcome));
  return `${escapeControls(scheduledFor)} ${end}${job}${remark}`;
}
