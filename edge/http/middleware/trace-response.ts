import { context, type Span, trace } from '@opentelemetry/api';
import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { matchedRoutes } from 'hono/route';
import { METHOD_NAME_ALL } from 'hono/router';
import { inject } from '../../../shared/propagation/index.ts';
import { ATTR } from '../../../shared/trace/semantics.ts';
import { countAnswer, countContext } from '../../telemetry/measure/request-metrics.ts';
import { methodOf } from '../../telemetry/server-attributes.ts';
import { describeAnswer } from '../../telemetry/server-span.ts';
import type { EdgeHono } from '../edge-app.ts';
import type { RequestContext } from '../request-context.ts';
import { addCommonHeaders, COMMON_HEADERS } from './answer-headers.ts';

/**
 * Writes the route, and the outcome of reading the caller's trace context, to the request's span. Logs the request.
 * Adds the headers that every answer has.
 */
export function traceResponse() {
  return createMiddleware<EdgeHono>(async function traceResponse(c, next) {
    const span = trace.getActiveSpan();
    const start = Date.now();
    if (span !== undefined) addRequestContext(span, c.env.requestContext);
    // It names the span of the request (W3C Trace Context Level 2 draft).
    const traceresponse = inject(context.active()).traceparent;
    c.set('commonHeaders', { ...COMMON_HEADERS, ...(traceresponse && { traceresponse }) });
    await next();
    addCommonHeaders(c);
    const route = routeOf(c);
    const { status } = c.res;
    const ms = Date.now() - start;
    countAnswer(methodOf(c.req), route ?? '/*', status, ms / 1_000);
    countContext('edge', outcomeOf(c.env.requestContext));
    if (span !== undefined) describeAnswer(span, c.req, { status, route, error: c.error });
    logRequest(c, route ?? '/*', ms);
  });
}

function addRequestContext(span: Span, { extraction, trusted }: RequestContext): void {
  span.setAttribute(ATTR.traceOutcome, extraction.outcome);
  if (extraction.reason !== undefined) span.setAttribute(ATTR.traceReason, extraction.reason);
  // The trace of a caller whom we do not trust is not continued. Our own trace links to the caller's span.
  if (!trusted && extraction.spanContext !== undefined) span.addLink({ context: extraction.spanContext });
}

/** Whether the caller's trace goes on. */
function outcomeOf({ extraction, trusted }: RequestContext) {
  const { outcome } = extraction;
  return outcome === 'continued' && !trusted ? 'untrusted' : outcome;
}

/** The route that answers a request, such as `/v1/jobs/:id`; undefined if only middleware matched. */
function routeOf(c: Context<EdgeHono>): string | undefined {
  return matchedRoutes(c).findLast(({ method }) => method !== METHOD_NAME_ALL)?.path;
}

function logRequest(c: Context<EdgeHono>, route: string, ms: number): void {
  const { identity, refusal, extraction } = c.env.requestContext;
  const job = c.get('loggedJob');
  // JSON leaves out what is undefined.
  c.env.log.info('request', {
    method: c.req.method,
    route,
    status: c.res.status,
    ms,
    job_id: job?.job_id,
    operation: job?.operation,
    tenant: identity?.tenant,
    auth_refusal: refusal,
    trace_outcome: extraction.outcome,
    trace_reason: extraction.reason,
  });
}
