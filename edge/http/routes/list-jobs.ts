import type { Context } from 'hono';
import { ListQuery } from '../requests/list-request.ts';
import { parseRequest } from '../requests/parse-request.ts';
import { tenantOf } from '../requests/submission.ts';
import type { EdgeHono } from '../scope.ts';

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
