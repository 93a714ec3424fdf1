import { extract } from '../../shared/propagation/index.ts';

/**
 * What the answer of a receiver says about the trace of its callback. A receiver that continues the trace may say so in
 * `traceresponse`, which has the form of `traceparent` (W3C Trace Context Level 2, the draft of `traceresponse`).
 * @param sent the `traceparent` that the callback carried
 */
export function traceOutcome(
  traceResponse: string | undefined,
  sent: string | undefined,
): 'continued' | 'other-trace' | 'absent' | 'invalid' {
  if (traceResponse === undefined) return 'absent';
  const traceId = traceIdIn(traceResponse);
  if (traceId === undefined) return 'invalid';
  return sent !== undefined && traceId === traceIdIn(sent) ? 'continued' : 'other-trace';
}

function traceIdIn(value: string): string | undefined {
  return extract((name) => (name === 'traceparent' ? [value] : [])).spanContext?.traceId;
}
