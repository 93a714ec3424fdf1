import { type Attributes, type Span, SpanStatusCode } from '@opentelemetry/api';
import { ThroughlineError } from '../../shared/errors.ts';
import { ATTR, MESSAGING_SYSTEM, TEMPLATE } from '../../shared/trace/semantics.ts';
import type { JobAddress } from '../../shared/wire/subjects.ts';

/** Attributes of the PRODUCER span `send <operation>`. */
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

/** Marks the span of a job that was not sent. @returns why, as an error of our own */
export function failSend(span: Span, thrown: unknown): ThroughlineError {
  const error = ThroughlineError.from(thrown, 'broker-unavailable');
  span.setAttribute(ATTR.errorType, error.code);
  span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
  return error;
}
