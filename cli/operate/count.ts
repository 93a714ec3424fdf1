import type { CancelFilter, DeadLetterFilter } from '../../client/options.ts';
import { DEAD_LETTER_LIMITS, JOB_LIST_LIMITS } from '../../shared/api/page-limits.ts';
import { OPEN_STATES } from '../../shared/job/job-state.ts';
import type { Scope } from '../host.ts';
import type { Count } from '../text/counted.ts';
import { readPages } from './pages.ts';
import { whenNotBusy } from './when-busy.ts';

/** More than this are not counted: it would take a request for each hundred. */
const MOST_COUNTED = 1_000;

/** How many jobs a filter selects that have not ended. */
export async function countJobs({ state, operation, tags }: CancelFilter, scope: Scope): Promise<Count> {
  const counts = await Promise.all(
    (state === undefined ? OPEN_STATES : [state]).map((one) =>
      countPages(async (cursor) => {
        const { page: limit } = JOB_LIST_LIMITS;
        const page = await whenNotBusy(
          () => scope.api.list({ state: one, operation, tags, cursor, limit }),
          scope,
        );
        return { size: page.jobs.length, cursor: page.cursor };
      }),
    ),
  );
  return {
    count: counts.reduce((sum, { count }) => sum + count, 0),
    more: counts.some(({ more }) => more),
  };
}

/** How many dead letters a filter selects. @param reason only those that failed with this code */
export async function countDeadLetters(
  { reason, operation, tags }: DeadLetterFilter & { readonly reason?: string | undefined },
  scope: Scope,
): Promise<Count> {
  return await countPages(async (cursor) => {
    const { page: limit } = DEAD_LETTER_LIMITS;
    const page = await whenNotBusy(
      () => scope.api.listDeadLetters({ operation, tags, cursor, limit }),
      scope,
    );
    const wanted = page.deadLetters.filter((one) => reason === undefined || one.reason === reason);
    return { size: wanted.length, cursor: page.cursor };
  });
}

interface PageSize {
  readonly size: number;
  readonly cursor: string | undefined;
}

async function countPages(read: (cursor: string | undefined) => Promise<PageSize>): Promise<Count> {
  let count = 0;
  for await (const { size, cursor } of readPages(read)) {
    count += size;
    if (count >= MOST_COUNTED) return { count, more: cursor !== undefined };
  }
  return { count, more: false };
}
