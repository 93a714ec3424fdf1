import { type Context, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { ATTR, WORKER_ATTR } from '../../shared/trace/semantics.ts';
import { serverAttributes } from '../../shared/trace/server-address.ts';
import type { CallbackTask } from '../../shared/wire/callback-task.ts';
import { reportOf } from '../operations/thrown.ts';
import { tracer } from '../telemetry/tracer.ts';
import type { Verdict } from './callback-verdict.ts';

/** No template of the receivers' URLs is known, so the target is the kind of request. */
const NAME = 'POST callback';

/** Starts the span of one POST, as a child of the span that sent the job. */
export function startCallbackSpan({ tenant, url, event }: CallbackTask, attempt: number, job: Context): Span {
  const attributes = {
    [ATTR.httpMethod]: 'POST',
    [ATTR.urlFull]: withoutQuery(url),
    ...serverAttributes(url),
    [ATTR.jobId]: event.jobId,
    [ATTR.jobTenant]: tenant,
    [ATTR.jobOutcome]: event.kind,
    ...(attempt > 1 ? { [WORKER_ATTR.httpResendCount]: attempt - 1 } : {}),
  };
  return tracer.startSpan(NAME, { kind: SpanKind.CLIENT, attributes }, job);
}

/** Adds the receiver's answer, and the error if there is one, to the active span. */
export function describeVerdict({ status, error }: Verdict): void {
  const span = trace.getActiveSpan();
  if (status !== undefined) span?.setAttribute(ATTR.httpStatus, status);
  if (error === undefined) return;
  span?.setAttribute(ATTR.errorType, status === undefined ? error.code : String(status));
  span?.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
  if (error.cause === undefined) return;
  const { type, summary, text } = reportOf(error.cause);
  span?.recordException({ name: type, message: summary, stack: text });
}

/**
 * Returns a URL as spans, events and log lines show it. The query is removed, because many receivers put a secret
 * there.
 */
export function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}
