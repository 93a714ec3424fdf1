import type { JobEvent } from '../event.ts';
import { isEventKind } from '../job-state.ts';

/** The times that `toISOString` writes for the days that each month has. */
const TIME =
  /^\d{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

const isText = (value: unknown): boolean => typeof value === 'string';
const isTime = (value: unknown): boolean => typeof value === 'string' && TIME.test(value);
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

/** The fields that every event has. */
const ALWAYS = [
  'kind',
  'jobId',
  'operation',
  'attempt',
  'maxAttempts',
  'released',
  'acceptedAt',
  'at',
  'worker',
  'traceId',
  'spanId',
] satisfies readonly (keyof JobEvent)[];

/** The checks of the fields that nearly all events have. */
const CHECKS: { readonly [Name in keyof JobEvent]?: (value: unknown) => boolean } = {
  kind: (value) => typeof value === 'string' && isEventKind(value),
  jobId: isText,
  operation: isText,
  attempt: isCount,
  maxAttempts: (value) => isCount(value) && value !== 0,
  released: isCount,
  acceptedAt: isTime,
  startedAt: isTime,
  at: isTime,
  worker: isText,
  traceId: isText,
  spanId: isText,
  result: () => true,
};

/**
 * A fast check for most events: whether an event has only the usual fields, each with a value that the schema `JobEvent` accepts.
 * True is certain. After false, ask the schema: it accepts events that this check does not know. A worker checks two events for
 * each job, and the schema takes many times as long.
 */
export function isPlainEvent(event: JobEvent): boolean {
  for (const name in event) {
    const field = name as keyof JobEvent;
    if (!Object.hasOwn(CHECKS, field) || CHECKS[field]?.(event[field]) !== true) return false;
  }
  return ALWAYS.every((name) => event[name] !== undefined);
}
