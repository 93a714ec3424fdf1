import type { DeadLetter } from '../../shared/api/answers/dead-letter.ts';
import type { JobSummary } from '../../shared/api/answers/job-list.ts';
import type { OutboxItem } from '../../shared/api/answers/outbox.ts';
import { truncate } from '../../shared/text/terminal/terminal-text.ts';
import { counted } from './counted.ts';
import { causeText, STATE_COLORS, tookText } from './job-text.ts';
import { tableText } from './table.ts';
import type { Paint } from './terminal.ts';

/** A longer cause of death is cut. `dead-letters show` prints all of it. */
const MAX_CAUSE = 120;

/** A terminal with fewer columns gets times without the year and the parts of a second. */
const WIDE_COLUMNS = 110;
/** The column of the id, which a person copies. */
const ID_COLUMN = 1;

/** A list of jobs for a person, one job a line. @param columns of the terminal; undefined: any number */
export function jobsText(jobs: readonly JobSummary[], paint: Paint, columns?: number): string {
  return tableText(
    jobs.map((job) => [
      { text: timeText(job.acceptedAt, columns), paint: paint.dim },
      { text: job.id, paint: paint.bold },
      job.operation,
      { text: job.state, paint: paint[STATE_COLORS[job.state]] },
      `${job.attempt}/${job.maxAttempts}`,
      remarkText(job),
    ]),
    { columns, whole: [ID_COLUMN] },
  );
}

/** A time, shorter on a narrow terminal: `01-31 12:00:00`. */
function timeText(time: string, columns: number | undefined): string {
  if (columns === undefined || columns >= WIDE_COLUMNS) return time;
  return time.slice(5, 19).replace('T', ' ');
}

/** Why the job failed or waits, when it is due, or how long it took. */
function remarkText(job: JobSummary): string {
  if (job.error !== undefined) return job.error.code;
  if (job.dueAt !== undefined) return `due ${job.dueAt}`;
  if (job.served === false) return 'no worker host can run it';
  return tookText(job) ?? '';
}

/** A list of dead letters for a person, one dead letter a line. */
export function deadLettersText(deadLetters: readonly DeadLetter[], paint: Paint): string {
  return tableText(
    deadLetters.map((deadLetter) => [
      { text: deadLetter.diedAt, paint: paint.dim },
      { text: deadLetter.id, paint: paint.bold },
      deadLetter.operation,
      counted(deadLetter.attempts, 'attempt'),
      { text: truncate(causeText(deadLetter), MAX_CAUSE), paint: paint.red },
    ]),
  );
}

/** The jobs of the outbox for a person, one job a line. */
export function outboxText(jobs: readonly OutboxItem[], paint: Paint): string {
  return tableText(
    jobs.map(({ addedAt, id, operation = '?', state, tries, reason = '' }) => [
      { text: addedAt, paint: paint.dim },
      { text: id, paint: paint.bold },
      operation,
      state,
      `sent ${counted(tries, 'time')}`,
      { text: reason, paint: paint.red },
    ]),
  );
}
