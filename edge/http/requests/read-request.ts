import type { Context } from 'hono';
import type * as z from 'zod';
import { ThroughlineError } from '../../../shared/errors.ts';
import { isToken } from '../../../shared/job/job-address.ts';
import { jsonPointer } from '../../../shared/text/json.ts';
import type { EdgeHono } from '../edge-app.ts';

const MAX_VIOLATIONS = 10;
const MAX_MESSAGE_LENGTH = 200;
const WAIT = /(?:^|[,;\s])wait\s*=\s*"?([0-9]{1,6})"?(?=$|[,;\s])/i;

/** The tenant whose jobs the request is about. @throws ThroughlineError `unauthenticated` */
export function tenantOf(c: Context<EdgeHono>): string {
  const { identity } = c.env.requestContext;
  if (identity === undefined) throw new ThroughlineError('unauthenticated', 'a key is needed');
  return identity.tenant;
}

/**
 * Reads a body or a query by its schema.
 * @throws ThroughlineError `request-invalid`, with each place that is wrong
 */
export function parseRequest<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const violations = parsed.error.issues.slice(0, MAX_VIOLATIONS).map((issue) => ({
    path: jsonPointer(issue.path),
    // zod lists every unknown field, and the caller decides how many there are.
    message: issue.message.slice(0, MAX_MESSAGE_LENGTH),
  }));
  const summary = violations.map(({ path, message }) => `${path || 'the request'}: ${message}`).join('; ');
  throw new ThroughlineError('request-invalid', summary, { violations });
}

/**
 * The id in the path of a request.
 * @throws ThroughlineError made by `unknown` when nothing can have such an id, so that the answer is the same as for an
 * id of another tenant
 */
export function pathId(c: Context<EdgeHono>, unknown: () => ThroughlineError): string {
  const id = c.req.param('id');
  if (!isToken(id)) throw unknown();
  return id;
}

/** The error for an id of a job that the caller does not have. */
export function unknownJob(): ThroughlineError {
  return new ThroughlineError('job-unknown', 'no job of yours has this id');
}

/**
 * The seconds of `Prefer: wait=N` (RFC 7240, section 4.3), at most `limit`. Undefined if there is no such
 * preference, or one that cannot be read: the RFC says to ignore it.
 */
export function preferredWait(header: string | undefined, limit: number): number | undefined {
  const [, seconds] = WAIT.exec(header ?? '') ?? [];
  return seconds === undefined ? undefined : Math.min(Number(seconds), limit);
}
