import { context } from '@opentelemetry/api';
import { extract, fromNatsHeaders, type NatsHeadersLike } from '../../shared/propagation/index.ts';

/** Runs code in the trace that a message names: for lines of the log about a message that has no span. @returns what the code returns */
export function inTraceOf<Result>(headers: NatsHeadersLike | undefined, work: () => Result): Result {
  return context.with(extract(fromNatsHeaders(headers)).context, work);
}
