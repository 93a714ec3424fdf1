import type { ApiError } from '../../../client/errors.ts';
import { Patience } from '../../../client/patience.ts';
import type { JobPage, JobSummary } from '../../../shared/api/answers/job-list.ts';
import { pause } from '../../../shared/timers.ts';
import { EXIT, isUnavailable } from '../../exit-code.ts';
import type { Scope } from '../../host.ts';
import { findJobs, type JobSearch } from './job-search.ts';
import { printJobs, warnIfIncomplete } from './print-jobs.ts';

/** A look reads on until it comes to a job that it knows, at most this far. */
const MOST_NEW = 1_000;
/** How many jobs are remembered. A watch may run for days. */
const MOST_KNOWN = 10 * MOST_NEW;

interface WatchOptions {
  /** How many jobs the first look lists, and how many a page has. */
  readonly limit: number;
  readonly intervalMs: number;
}

/**
 * Lists the jobs, and then each one that is new or has changed, for as long as somebody reads them. An API that is away for a
 * moment is asked again.
 * @throws what Ctrl-C throws; ApiError or CliError when the API refuses, or stays away
 */
export async function watchList(
  search: JobSearch,
  { limit, intervalMs }: WatchOptions,
  scope: Scope,
): Promise<number> {
  const { output, signal } = scope;
  const onBusy = ({ message }: ApiError): void => output.warn(`waiting, because the API is busy: ${message}`);
  const patience = new Patience({ signal, isTransient: isUnavailable, onBusy });
  const known = new KnownJobs();
  let wasComplete = true;
  while (!output.isClosed) {
    try {
      const page = await readNew(search, limit, known, scope);
      patience.reset();
      if (wasComplete) warnIfIncomplete(page, scope);
      wasComplete = page.complete;
      if (page.cursor !== undefined)
        output.warn(`more than ${MOST_NEW} jobs are new; the oldest are left out`);
      // The newest comes last, where a reader of a log looks for it.
      printJobs({ jobs: known.changed(page.jobs).reverse() }, scope);
    } catch (thrown) {
      if (known.isEmpty) throw thrown;
      await patience.afterFailure(thrown);
    }
    await pause(intervalMs, signal);
  }
  return EXIT.ok.code;
}

/** Reads the newest jobs: after the first look all that are new. `cursor`: there are more of them. */
async function readNew(search: JobSearch, limit: number, known: KnownJobs, scope: Scope): Promise<JobPage> {
  const jobs: JobSummary[] = [];
  let cursor: string | undefined;
  let complete = true;
  do {
    const page = await findJobs(search, limit, cursor, scope);
    jobs.push(...page.jobs);
    complete &&= page.complete;
    cursor = known.isEmpty || page.jobs.some(({ id }) => known.has(id)) ? undefined : page.cursor;
  } while (cursor !== undefined && jobs.length < MOST_NEW);
  return { jobs, complete, ...(cursor === undefined ? {} : { cursor }) };
}

/** The jobs that were printed, each as it was then. */
class KnownJobs {
  readonly #seen = new Map<string, string>();
  #isEmpty = true;

  /** Whether no look has succeeded yet. */
  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  has(id: string): boolean {
    return this.#seen.has(id);
  }

  /** Those of the jobs that are new or have changed. They are known from now on. */
  changed(jobs: readonly JobSummary[]): JobSummary[] {
    this.#isEmpty = false;
    const changed = jobs.filter((job) => this.#seen.get(job.id) !== stateOf(job));
    // The oldest first: those that were not seen for long are forgotten first.
    for (const job of jobs.toReversed()) {
      this.#seen.delete(job.id);
      this.#seen.set(job.id, stateOf(job));
    }
    for (const id of this.#seen.keys()) {
      if (this.#seen.size <= MOST_KNOWN) break;
      this.#seen.delete(id);
    }
    return changed;
  }
}

const stateOf = ({ state, attempt }: JobSummary): string => `${state} ${attempt}`;
