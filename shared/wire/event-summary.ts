/**
 * The summary of an event: the parts of its body that its headers repeat. The job index reads only headers, because
 * bodies may hold large results. If a header and the body differ, the body is right.
 */
import { EVENT_STATES, type EventKind, isTerminalEvent, type JobEvent } from '../job/event.ts';
import type { JobState } from '../job/job.ts';
import { isOperationName } from '../job/job-address.ts';
import { textHeader, timeHeader, wholeNumberHeader } from './header-codec.ts';
import { HEADER, type HeaderValues, type SetHeader } from './headers.ts';
import { TAGS } from './job-headers.ts';
import { readRedrive, writeRedrive } from './redrive.ts';

const MAX_COUNT = 999_999_999;
const ATTEMPT = wholeNumberHeader(HEADER.attempt, 0, MAX_COUNT);
const MAX_ATTEMPTS = wholeNumberHeader(HEADER.maxAttempts, 1, MAX_COUNT);
const ACCEPTED_AT = timeHeader(HEADER.acceptedAt);
const STARTED_AT = timeHeader(HEADER.startedAt);
const TRACE_ID = textHeader(HEADER.traceId, /^[0-9a-f]{32}$/);
const ERROR_CODE = textHeader(HEADER.errorCode, /^[a-z][a-z0-9-]{0,63}$/);

/** The state of a job after an event, without the fields that may be large. */
export interface EventSummary {
  readonly operation: string;
  readonly state: JobState;
  readonly attempt: number;
  readonly maxAttempts: number;
  /** When the job was accepted. All times in this file are RFC 3339. */
  readonly acceptedAt: string;
  readonly startedAt: string | undefined;
  readonly finishedAt: string | undefined;
  /** The id of the trace; empty if the event has no trace. */
  readonly traceId: string;
  readonly errorCode: string | undefined;
  /** How many times the job was redriven; 0 before the first redrive. */
  readonly redriveCount: number;
  readonly previousTraceIds: readonly string[];
  /** Empty if the job has none, or if an older worker wrote the event. */
  readonly tags: readonly string[];
}

/** Writes the headers that {@link readEventSummary} reads. A value that does not fit into a header is left out. */
export function writeEventSummary(event: JobEvent, set: SetHeader): void {
  const { operation, startedAt, error, redriveCount, previousTraceIds = [], tags } = event;
  if (isOperationName(operation)) set(HEADER.operation, operation);
  ATTEMPT.write(event.attempt, set);
  MAX_ATTEMPTS.write(event.maxAttempts, set);
  ACCEPTED_AT.write(event.acceptedAt, set);
  if (startedAt !== undefined) STARTED_AT.write(startedAt, set);
  TRACE_ID.write(event.traceId, set);
  if (error !== undefined) ERROR_CODE.write(error.code, set);
  if (redriveCount !== undefined) writeRedrive({ redriveCount, previousTraceIds }, set);
  if (tags !== undefined) TAGS.write(tags, set);
}

/**
 * Reads the summary of an event from its headers.
 * @param at when the event happened
 * @returns undefined if a needed header is missing, because an older worker or a worker in another language wrote the
 *   event
 */
export function readEventSummary(
  values: HeaderValues,
  kind: EventKind,
  at: string,
): EventSummary | undefined {
  const [operation] = values(HEADER.operation);
  const [attempt, maxAttempts, acceptedAt] = [
    ATTEMPT.read(values),
    MAX_ATTEMPTS.read(values),
    ACCEPTED_AT.read(values),
  ];
  if (!isOperationName(operation) || acceptedAt === undefined) return undefined;
  if (attempt === undefined || maxAttempts === undefined) return undefined;
  const { redriveCount = 0, previousTraceIds = [] } = readRedrive(values) ?? {};
  return {
    operation,
    state: EVENT_STATES[kind],
    attempt,
    maxAttempts,
    acceptedAt,
    startedAt: STARTED_AT.read(values),
    finishedAt: isTerminalEvent({ kind }) ? at : undefined,
    traceId: TRACE_ID.read(values) ?? '',
    errorCode: ERROR_CODE.read(values),
    redriveCount,
    previousTraceIds,
    tags: TAGS.read(values) ?? [],
  };
}

/**
 * Makes the summary of an event whose body was read. It goes through the headers, so that it is never larger than one of headers.
 * @returns undefined if the event has no valid operation, or counts that no header can hold
 */
export function eventSummaryOf(event: JobEvent): EventSummary | undefined {
  const values = new Map<string, readonly string[]>();
  writeEventSummary(event, (name, value) => values.set(name, [value]));
  return readEventSummary((name) => values.get(name) ?? [], event.kind, event.at);
}
