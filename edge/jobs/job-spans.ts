import {
  type Attributes,
  type Context,
  context,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { errorFrom } from '../../shared/error-table.ts';
import type { JobAddress } from '../../shared/job/job-address.ts';
import { ATTR, MESSAGING_SYSTEM, TEMPLATE } from '../../shared/trace/semantics.ts';
import type { JobEnd } from './result-waiter.ts';

const tracer = trace.getTracer('throughline-bridge');

/** Returns the attributes of the PRODUCER span `send <operation>`. */
export function sendAttributes(
  { tenant, jobId, operation }: JobAddress,
  message: { readonly subject: string; readonly size: number },
  bridge: string,
): Attributes {
  return {
    [ATTR.messagingSystem]: MESSAGING_SYSTEM,
    [ATTR.operationType]: 'send',
    [ATTR.operationName]: 'publish',
    [ATTR.destinationName]: message.subject,
    [ATTR.destinationTemplate]: TEMPLATE.jobs,
    [ATTR.messageId]: jobId,
    [ATTR.messageBodySize]: message.size,
    [ATTR.jobId]: jobId,
    [ATTR.jobOperation]: operation,
    [ATTR.jobTenant]: tenant,
    [ATTR.bridgeName]: bridge,
  };
}

/**
 * Runs `work` in the context of a `send` span, and then ends the span. An error is recorded in the span.
 * @param sending the context that the message carries
 * @throws ThroughlineError the error that `work` throws
 */
export async function runInSendSpan<T>(span: Span, sending: Context, work: () => Promise<T>): Promise<T> {
  try {
    return await context.with(sending, work);
  } catch (thrown) {
    const error = errorFrom(thrown, 'broker-unavailable');
    span.setAttribute(ATTR.errorType, error.code);
    span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    throw error;
  } finally {
    span.end();
  }
}

/** Records that a waiting call got the end of its job. The new span has a link to the span that sent the result. */
export function recordReceive({ event, sentBy }: JobEnd): void {
  const span = tracer.startSpan('receive result', {
    kind: SpanKind.CONSUMER,
    attributes: {
      [ATTR.messagingSystem]: MESSAGING_SYSTEM,
      [ATTR.operationType]: 'receive',
      [ATTR.operationName]: 'receive',
      [ATTR.destinationTemplate]: TEMPLATE.events,
      [ATTR.jobId]: event.jobId,
      [ATTR.jobOutcome]: event.kind,
    },
  });
  // The tracer of @microlabs/otel-cf-workers ignores links that are given to startSpan.
  if (sentBy !== undefined) span.addLink({ context: sentBy });
  span.end();
}
