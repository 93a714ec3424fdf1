import type { JobPage } from '../../../shared/api/answers/job-list.ts';
import type { Scope } from '../../host.ts';
import { jobsText } from '../../text/list-text.ts';

/** Prints the jobs of a page; with `--json`, one line for each job. */
export function printJobs({ jobs }: Pick<JobPage, 'jobs'>, { output }: Scope): void {
  if (output.json) for (const job of jobs) output.line(job);
  else if (jobs.length > 0) output.text(jobsText(jobs, output.paint, output.columns));
}

/** Says so if the page may lack the newest changes. */
export function warnIfIncomplete({ complete }: JobPage, { output }: Scope): void {
  if (!complete)
    output.warn('the list may be out of date, because the message broker did not answer in time');
}
