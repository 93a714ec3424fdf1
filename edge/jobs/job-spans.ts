import {
  type Attributes,
  type Context,
  context,
  type Span,
  SpanKind,
  SpanStatusCode,
} from '@opentelemetry/api';
import { errorFrom } from '../../shared/error-table.ts';
import type { JobAddress } from '../../shared/job/job-address.ts';
import { ATTR, MESSAGING_SYSTEM, SERVICE, TEMPLATE } from '../../shared/trace/semantics.ts';
import { tracerOf } from '../../shared/trace/tracer.ts';
import type { JobEnd } from './result-waiter.ts';

const tracer = tracerOf(SERVICE.bridge);

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
    links: sentBy === undefined ? [] : [{ context: sentBy }],
    attributes: {
      [ATTR.messagingSystem]: MESSAGING_SYSTEM,
      [ATTR.operationType]: 'receive',
      [ATTR.operationName]: 'receive',
      [ATTR.destinationTemplate]: TEMPLATE.events,
      [ATTR.jobId]: event.jobId,
      [ATTR.jobOutcome]: event.kind,
    },
  });
  span.end();
}
