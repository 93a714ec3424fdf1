import type { JobPage, JobSummary } from '../../../shared/api/answers/job-list.ts';
import type { JobState } from '../../../shared/job/job.ts';
import type { Scope } from '../../host.ts';
import { readPages } from '../../operate/pages.ts';
import { whenNotBusy } from '../../operate/when-busy.ts';

/** Which jobs to find. The API filters by one state, operation and tags; the rest is done here, page by page. */
export interface JobSearch {
  /** Empty: any state. */
  readonly states: readonly JobState[];
  readonly operation: string | undefined;
  readonly tags: readonly string[] | undefined;
  /** Only jobs accepted at this time or later, epoch milliseconds. */
  readonly since: number | undefined;
  /** Only jobs accepted before this time. */
  readonly until: number | undefined;
}

/** The jobs of a smaller page may all be others than those that are looked for. */
const LEAST_PAGE = 20;

/**
 * Finds jobs, newest first. It waits while a quota stops it.
 * @param limit the most to find
 * @param from the cursor of the answer before; undefined: from the newest
 * @returns the jobs, and the cursor for the next ones if there may be more
 */
export async function findJobs(
  search: JobSearch,
  limit: number,
  from: string | undefined,
  scope: Scope,
): Promise<JobPage> {
  if (isPlain(search)) return await readPage(search, limit, from, scope);
  const jobs: JobSummary[] = [];
  let complete = true;
  let place = from;
  const read = (cursor: string | undefined): Promise<JobPage> =>
    readPage(search, Math.max(limit, LEAST_PAGE), cursor, scope);
  for await (const page of readPages(read, from)) {
    complete &&= page.complete;
    for (const [index, job] of page.jobs.entries()) {
      if (!isWanted(job, search)) continue;
      jobs.push(job);
      if (jobs.length < limit) continue;
      const cursor = await cursorAfter(search, index, { page, place }, scope);
      return { jobs, complete, ...(cursor === undefined ? {} : { cursor }) };
    }
    if (page.jobs.some(({ acceptedAt }) => isTooOld(acceptedAt, search))) break;
    place = page.cursor;
  }
  return { jobs, complete };
}

function readPage(
  { states, operation, tags }: JobSearch,
  limit: number,
  cursor: string | undefined,
  scope: Scope,
): Promise<JobPage> {
  const state = states.length === 1 ? states[0] : undefined;
  return whenNotBusy(() => scope.api.list({ state, operation, tags, limit, cursor }), scope);
}

/** The cursor after the job at `index` of a page that begins at `place`. */
async function cursorAfter(
  search: JobSearch,
  index: number,
  { page, place }: { readonly page: JobPage; readonly place: string | undefined },
  scope: Scope,
): Promise<string | undefined> {
  if (index === page.jobs.length - 1) return page.cursor;
  return (await readPage(search, index + 1, place, scope)).cursor;
}

/** Whether the API alone can filter so. */
function isPlain({ states, since, until }: JobSearch): boolean {
  return states.length <= 1 && since === undefined && until === undefined;
}

function isTooOld(acceptedAt: string, { since }: JobSearch): boolean {
  return since !== undefined && Date.parse(acceptedAt) < since;
}

function isWanted({ state, acceptedAt }: JobSummary, search: JobSearch): boolean {
  const { states, until } = search;
  if (isTooOld(acceptedAt, search)) return false;
  if (until !== undefined && Date.parse(acceptedAt) >= until) return false;
  return states.length <= 1 || states.includes(state);
}
