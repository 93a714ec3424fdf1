import { LIMITS } from '../job/limits.ts';

/** Room for the largest headers: 8 KiB of baggage, tracestate, the trace ids of 20 redrives, an event's summary. */
const ENVELOPE_BYTES = 64 * 1_024;
/** The size of the largest job, with its headers. */
export const JOB_BYTES = LIMITS.inputBytes + ENVELOPE_BYTES;
/** The size of the largest event, with its headers. */
export const EVENT_BYTES = LIMITS.resultBytes + ENVELOPE_BYTES;
/** The size of the largest message that Throughline sends. The `max_payload` of nats-server must not be smaller. */
export const LARGEST_MESSAGE_BYTES = EVENT_BYTES;
