/**
 * What the headers of an event say of it, for whoever follows the events of many jobs without their bodies, which may
 * hold results. Where the two differ, the body counts.
 */
import { EVENT_STATES, type EventKind, isTerminalEvent, type JobEvent } from '../job/event.ts';
import type { JobState } from '../job/job.ts';
import { type HeaderValues, readTime, readWhole, type SetHeader } from './headers.ts';
import { readRedrive, writeRedrive } from './redrive.ts';
import { isOperationName } from './subjects.ts';

const HEADER = {
  operation: 'throughline-operation',
  attempt: 'throughline-attempt',
  maxAttempts: 'throughline-max-attempts',
  acceptedAt: 'throughline-accepted-at',
  startedAt: 'throughline-started-at',
  traceId: 'throughline-trace-id',
  errorCode: 'throughline-error-code',
} as const;
const TRACE_ID = /^[0-9a-f]{32}$/;
const ERROR_CODE = /^[a-z][a-z0-9-]{0,63}$/;
const MAX_COUNT = 999_999_999;

/** The job that an event, as its last one, describes, but for what may be large. */
export interface EventDigest {
  readonly operation: string;
  readonly state: JobState;
  readonly attempt: number;
  readonly maxAttempts: number;
  /** RFC 3339, as all times here. */
  readonly acceptedAt: string;
  readonly startedAt: string | undefined;
  readonly finishedAt: string | undefined;
  /** Empty where there is none. */
  readonly traceId: string;
  readonly errorCode: string | undefined;
  /** 0: the first. */
  readonly redriveCount: number;
  readonly previousTraceIds: readonly string[];
}

/** Writes the headers that {@link readEventDigest} reads; what does not fit into a header is left out. */
export function writeEventDigest(event: JobEvent, set: SetHeader): void {
  const { operation, startedAt, traceId, error, redriveCount, previousTraceIds = [] } = event;
  if (isOperationName(operation)) set(HEADER.operation, operation);
  set(HEADER.attempt, String(event.attempt));
  set(HEADER.maxAttempts, String(event.maxAttempts));
  set(HEADER.acceptedAt, event.acceptedAt);
  if (startedAt !== undefined) set(HEADER.startedAt, startedAt);
  if (TRACE_ID.test(traceId)) set(HEADER.traceId, traceId);
  if (error !== undefined && ERROR_CODE.test(error.code)) set(HEADER.errorCode, error.code);
  if (redriveCount !== undefined) writeRedrive({ redriveCount, previousTraceIds }, set);
}

/**
 * What an event's headers say.
 * @param kind of the event; `at`: when it was
 * @returns undefined where they do not say enough: an older worker wrote them, or one in another language
 */
export function readEventDigest(values: HeaderValues, kind: EventKind, at: string): EventDigest | undefined {
  const [operation] = values(HEADER.operation);
  const attempt = readWhole(values(HEADER.attempt)[0], 0, MAX_COUNT);
  const maxAttempts = readWhole(values(HEADER.maxAttempts)[0], 1, MAX_COUNT);
  const acceptedAt = readTime(values(HEADER.acceptedAt)[0]);
  if (!isOperationName(operation) || acceptedAt === undefined) return undefined;
  if (attempt === undefined || maxAttempts === undefined) return undefined;
  const { redriveCount = 0, previousTraceIds = [] } = readRedrive(values) ?? {};
  return {
    ...{ operation, state: EVENT_STATES[kind], attempt, maxAttempts, acceptedAt },
    startedAt: readTime(values(HEADER.startedAt)[0]),
    finishedAt: isTerminalEvent({ kind }) ? at : undefined,
    traceId: values(HEADER.traceId).find((text) => TRACE_ID.test(text)) ?? '',
    errorCode: values(HEADER.errorCode).find((text) => ERROR_CODE.test(text)),
    ...{ redriveCount, previousTraceIds },
  };
}

/** What an event's body says, in the same words. */
export function digestOf(event: JobEvent): EventDigest {
  const { kind, operation, attempt, maxAttempts, acceptedAt, startedAt, traceId } = event;
  return {
    ...{ operation, state: EVENT_STATES[kind], attempt, maxAttempts, acceptedAt, startedAt, traceId },
    finishedAt: isTerminalEvent(event) ? event.at : undefined,
    errorCode: event.error?.code,
    redriveCount: event.redriveCount ?? 0,
    previousTraceIds: event.previousTraceIds ?? [],
  };
}
