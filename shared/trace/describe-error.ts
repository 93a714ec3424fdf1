import { type Span, SpanStatusCode } from '@opentelemetry/api';
import { errorFrom, statusOf } from '../error-table.ts';
import type { ErrorCode, ThroughlineError } from '../errors.ts';
import { ATTR } from './semantics.ts';

/**
 * Adds to a span why its work failed. What a caller did wrong is no error of the span: the call was answered.
 * @param code the code of an error that is not ours
 * @returns the error as one of ours
 */
export function describeError(span: Span, thrown: unknown, code?: ErrorCode): ThroughlineError {
  const error = errorFrom(thrown, code);
  if (statusOf(error) < 500) span.setAttribute(ATTR.refusal, error.code);
  else {
    span.setAttribute(ATTR.errorType, error.code);
    span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
  }
  return error;
}
