import type { Context } from 'hono';
import * as z from 'zod';
import { JOB_STATES } from '../../shared/job.ts';
import { JOB_LIST_LIMITS } from '../../shared/job-list.ts';
import { OperationName } from '../../shared/operation.ts';
import { readCursor } from '../index/list-cursor.ts';
import type { EdgeHono } from '../scope.ts';
import { pageLimit } from './page-limit.ts';
import { parseRequest } from './parse-request.ts';
import { tenantOf } from './submission.ts';

/** Query of `GET /v1/jobs`. Unknown names are refused: a misspelt filter would be lost in silence. */
const ListQuery = z.strictObject({
  state: z.enum(JOB_STATES, `must be one of ${JOB_STATES.join(', ')}`).optional(),
  operation: OperationName.optional(),
  limit: pageLimit(JOB_LIST_LIMITS.page, JOB_LIST_LIMITS.defaultPage),
  cursor: z
    .string()
    .transform((text, context) => {
      const place = readCursor(text);
      if (place !== undefined) return place;
      context.addIssue({ code: 'custom', message: 'must be the cursor of the answer before' });
      return z.NEVER;
    })
    .optional(),
});

/** `GET /v1/jobs`: a page of the tenant's jobs, newest first. */
export async function listJobs(c: Context<EdgeHono>): Promise<Response> {
  const { state, operation, limit, cursor } = parseRequest(ListQuery, onceEach(c.req.queries()));
  const tenant = tenantOf(c);
  return c.json(await c.env.index.list({ tenant, state, operation, limit, after: cursor }));
}

/** A name that is given twice stays a list, which no filter takes: one of its values would be lost in silence. */
function onceEach(queries: Record<string, string[]>): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(queries).map(([name, values]) => {
      const [only] = values;
      return [name, only !== undefined && values.length === 1 ? only : values];
    }),
  );
}
