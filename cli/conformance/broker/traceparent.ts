import { randomBytes } from 'node:crypto';

/** The parts of a `traceparent`: the ids of the trace and the span, and the flags. */
export const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** A `traceparent` of a new sampled trace. */
export function newTraceparent(): string {
  return `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`;
}

/** Whether a text is the id of a trace: not all of its digits are 0. */
export function isTraceId(text: string): boolean {
  return /^(?!0{32})[0-9a-f]{32}$/.test(text);
}

/** Whether the flags of a `traceparent` say that the trace is recorded. */
export function isSampled(flags: string): boolean {
  return Number.parseInt(flags, 16) % 2 === 1;
}
