import type { JobSummary } from '../../shared/api/job-list.ts';
import { escapeControls } from '../../shared/text/terminal-text.ts';
import { STATE_COLORS, tookText } from './job-text.ts';
import type { Paint } from './paint.ts';
import { padColumns } from './table-text.ts';

/** Jobs for a person, one a line. What the server says is escaped. */
export function jobsText(jobs: readonly JobSummary[], paint: Paint): string {
  const rows = padColumns(
    jobs.map((job) =>
      [job.acceptedAt, job.id, job.operation, job.state, attemptText(job), remarkText(job)].map(
        escapeControls,
      ),
    ),
  );
  return rows
    .map(([at = '', id = '', operation = '', state = '', attempt = '', remark = ''], row) => {
      const color = STATE_COLORS[jobs[row]?.state ?? 'queued'];
      const cells = [paint.dim(at), paint.bold(id), operation, paint[color](state), attempt, remark];
      return cells.join('  ').trimEnd();
    })
    .join('\n');
}

function attemptText({ attempt, maxAttempts }: JobSummary): string {
  return `${attempt}/${maxAttempts}`;
}

/** Why it failed, when it is due, or how long it took. */
function remarkText(job: JobSummary): string {
  if (job.error !== undefined) return job.error.code;
  if (job.dueAt !== undefined) return `due ${job.dueAt}`;
  return tookText(job) ?? '';
}
