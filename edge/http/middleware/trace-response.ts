import { context, type Span, SpanStatusCode, trace } from '@opentelemetry/api';
import { createMiddleware } from 'hono/factory';
import { routePath } from 'hono/route';
import { inject } from '../../../shared/propagation/index.ts';
import { ATTR } from '../../../shared/trace/semantics.ts';
import type { EdgeHono, RequestContext } from '../scope.ts';

/**
 * Gives the request's span its route and the outcome of reading the caller's trace context, logs the request, and
 * answers with `traceresponse` (W3C Trace Context Level 2 draft): the span that this request became.
 */
export function traceResponse() {
  return createMiddleware<EdgeHono>(async function traceResponse(c, next) {
    const span = trace.getActiveSpan();
    const start = Date.now();
    if (span !== undefined) {
      describeIntake(span, c.env.requestContext);
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

function describeIntake(span: Span, { extraction, trusted }: RequestContext): void {
  span.setAttribute(ATTR.traceOutcome, extraction.outcome);
  if (extraction.reason !== undefined) span.setAttribute(ATTR.traceReason, extraction.reason);
  // Somebody we do not trust started a trace: ours is new, and points at theirs.
  if (!trusted && extraction.spanContext !== undefined) span.addLink({ context: extraction.spanContext });
}

/** Somebody puts a key there some day; the span's own attributes hold the whole URL. */
function hideQuery(span: Span, url: string): void {
  const at = url.indexOf('?');
  if (at !== -1) span.setAttributes({ 'url.full': url.slice(0, at), 'url.query': '' });
}

function logRequest({ log, requestContext }: EdgeHono['Bindings'], fields: Record<string, unknown>): void {
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
