import { context, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import { createMiddleware } from 'hono/factory';
import { routePath } from 'hono/route';
import { inject } from '../../../shared/propagation/index.ts';
import { ATTR } from '../../../shared/trace/semantics.ts';
import type { EdgeBindings, EdgeHono } from '../edge-app.ts';
import type { RequestContext } from '../request-context.ts';

/**
 * Writes the route, and the outcome of reading the caller's trace context, to the request's span. Logs the request.
 * Adds the header `traceresponse` (W3C Trace Context Level 2 draft), which names that span.
 */
export function traceResponse() {
  return createMiddleware<EdgeHono>(async function traceResponse(c, next) {
    const span = trace.getActiveSpan();
    const start = Date.now();
    if (span !== undefined) {
      addRequestContext(span, c.env.requestContext);
      hideQuery(span, c.req.url);
    }
    await next();
    const route = routePath(c, -1);
    span?.setAttribute('http.route', route);
    if (c.res.status >= 500) span?.setStatus({ code: SpanStatusCode.ERROR });
    const { traceparent } = inject(context.active());
    if (traceparent !== undefined) c.res.headers.set('traceresponse', traceparent);
    logRequest(c.env, { method: c.req.method, route, status: c.res.status, ms: Date.now() - start });
  });
}

function addRequestContext(span: Span, { extraction, trusted }: RequestContext): void {
  span.setAttribute(ATTR.traceOutcome, extraction.outcome);
  if (extraction.reason !== undefined) span.setAttribute(ATTR.traceReason, extraction.reason);
  // The trace of a caller whom we do not trust is not continued. Our own trace links to the caller's span.
  if (!trusted && extraction.spanContext !== undefined) span.addLink({ context: extraction.spanContext });
}

/** Removes the query from the span's URL, because callers put secrets there by mistake. */
function hideQuery(span: Span, url: string): void {
  if (!url.includes('?')) return;
  // A slice of the URL would keep the query in memory as long as the span.
  const { origin, pathname } = new URL(url);
  span.setAttributes({ 'url.full': origin + pathname, 'url.query': '' });
}

function logRequest({ log, requestContext }: EdgeBindings, fields: Record<string, unknown>): void {
  const { refusal } = requestContext;
  const { outcome, reason } = requestContext.extraction;
  log.info('request', {
    ...fields,
    tenant: requestContext.identity?.tenant,
    ...(refusal === undefined ? {} : { auth_refusal: refusal }),
    trace_outcome: outcome,
    ...(reason === undefined ? {} : { trace_reason: reason }),
  });
}
