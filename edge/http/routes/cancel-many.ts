import type { Context } from 'hono';
import type { CancelReport } from '../../../shared/api/answers/cancel-report.ts';
import { valueWithin } from '../../../shared/deadline.ts';
import { type ErrorCode, unavailable } from '../../../shared/errors.ts';
import { OPEN_STATES } from '../../../shared/job/job-state.ts';
import type { CancelOutcome } from '../../calls/commands.ts';
import type { EdgeHono } from '../edge-app.ts';
import { requireOwnMany } from '../middleware/access.ts';
import { audited } from '../requests/audited.ts';
import { CancelRequest } from '../requests/list-requests.ts';
import { listPlace, parseRequest, tenantOf } from '../requests/read-request.ts';

/** How long the answer waits for the list to forget jobs. */
const FORGET_MS = 3_000;

/**
 * `POST /v1/jobs/cancel`: cancels the jobs that a filter selects, the newest first, at most 100 in one request. It sees the
 * jobs that the list shows.
 */
export async function cancelMany(c: Context<EdgeHono>): Promise<Response> {
  const { operation, tags = [], state, limit, cursor } = parseRequest(CancelRequest, c.var.body);
  const after = listPlace(cursor);
  const tenant = tenantOf(c);
  const states = state === undefined ? OPEN_STATES : [state];
  const report = await audited(
    c,
    'cancel-many',
    { operation, tags, state },
    async () => {
      await requireOwnMany(c, operation);
      const { jobs, ...page } = await c.env.index.list({ tenant, states, operation, tags, limit, after });
      const ids = jobs.map(({ id }) => id);
      const cancelled = reportOf(ids, await c.env.bridge.cancelMany(tenant, ids));
      const lost = cancelled.failed.filter(({ code }) => code === 'job-unknown').map(({ id }) => id);
      // NATS has lost them. In the list, they would count for the quotas of their tenant for 60 days.
      if (lost.length > 0) await valueWithin(c.env.index.forget(tenant, lost), FORGET_MS);
      return { ...cancelled, ...page };
    },
    ({ cancelled, stopping, failed }) => ({ job_ids: [...cancelled, ...stopping], failed: failed.length }),
  );
  return c.json<CancelReport>(report);
}

/** @throws ThroughlineError `broker-unavailable` if NATS could not be reached for any of the jobs */
function reportOf(
  ids: readonly string[],
  outcomes: readonly CancelOutcome[],
): Pick<CancelReport, 'cancelled' | 'stopping' | 'failed'> {
  if (ids.length > 0 && outcomes.every((outcome) => outcome === 'broker-unavailable'))
    throw unavailable('no cancel was confirmed');
  const those = (outcome: CancelOutcome): string[] => ids.filter((_, place) => outcomes[place] === outcome);
  const failed = ids.flatMap((id, place) => {
    const outcome = outcomes[place] ?? ('internal' satisfies ErrorCode);
    return outcome === 'cancelled' || outcome === 'stopping' ? [] : [{ id, code: outcome }];
  });
  return { cancelled: those('cancelled'), stopping: those('stopping'), failed };
}
