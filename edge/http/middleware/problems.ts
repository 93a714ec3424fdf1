import { context, trace } from '@opentelemetry/api';
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { PROBLEM_MEDIA_TYPE, problemOf } from '../../../shared/api/problem.ts';
import { errorFrom, statusOf } from '../../../shared/error-table.ts';
import { isApiErrorCode, ThroughlineError } from '../../../shared/errors.ts';
import { policyItem, spentItem } from '../../access/rate-limit-policy.ts';
import { logFailure } from '../../telemetry/log.ts';
import { countRefusal } from '../../telemetry/measure/request-metrics.ts';
import type { EdgeHono } from '../edge-app.ts';
import { COMMON_HEADERS } from './answer-headers.ts';
import { addPolicy } from './rate-limit.ts';

/** Turns whatever a route threw into a problem document (RFC 9457). */
export function renderProblem(thrown: unknown, c: Context<EdgeHono>): Response {
  const error = fromThrown(thrown);
  logFailure(c.env.log, error);
  addQuota(error, c);
  return problemResponse(error, c.res.headers.get('www-authenticate'));
}

/** Adds the quota that is used up to the headers of the answer, besides the limits that every answer has. */
function addQuota({ quota, retryAfterSeconds }: ThroughlineError, c: Context<EdgeHono>): void {
  if (quota === undefined) return;
  c.header('RateLimit', spentItem(quota, retryAfterSeconds));
  addPolicy(c, policyItem(quota));
}

/** The answer for an error: a problem document with the id of the current trace. */
export function problemResponse(error: ThroughlineError, wwwAuthenticate: string | null = null): Response {
  countRefusal(error.code);
  const traceId = trace.getSpanContext(context.active())?.traceId;
  const headers = new Headers({ ...COMMON_HEADERS, 'content-type': PROBLEM_MEDIA_TYPE });
  if (wwwAuthenticate !== null) headers.set('www-authenticate', wwwAuthenticate);
  if (error.retryAfterSeconds !== undefined) headers.set('retry-after', String(error.retryAfterSeconds));
  return new Response(JSON.stringify(problemOf(error, traceId)), { status: statusOf(error), headers });
}

function fromThrown(thrown: unknown): ThroughlineError {
  if (thrown instanceof HTTPException && thrown.status === 400) {
    return new ThroughlineError('request-invalid', 'the request cannot be read', { cause: thrown });
  }
  return answerable(errorFrom(thrown));
}

/** The error itself. If its code is only for jobs, it would tell the caller of a request nothing: then an internal error. */
function answerable(error: ThroughlineError): ThroughlineError {
  return isApiErrorCode(error.code) ? error : errorFrom({ cause: error });
}
