/** Headers that every request to `/v1` may carry. */
export const TRACE_PARAMETERS = ['traceparent', 'tracestate', 'baggage'] as const;
