/**
 * An event as a NATS message: CloudEvents 1.0, NATS binding, binary mode (docs/PROTOCOL.md).
 */
import type * as z from 'zod';
import { ThroughlineError } from '../errors.ts';
import { CallbackEvent } from '../job/callback-event.ts';
import { isPlainEvent } from '../job/check/plain-event.ts';
import { isEventKind, isTerminalEvent, JobEvent } from '../job/event.ts';
import { type Carrier, setCarrier } from '../propagation/index.ts';
import { schemaFaults } from '../text/schema-faults.ts';
import { type EventSummary, readEventSummary, writeEventSummary } from './event-summary.ts';
import { timeHeader } from './header-codec.ts';
import { EVENT_TYPE_PREFIX, HEADER, type HeaderValues, type SetHeader, writeCloudEvent } from './headers.ts';
import { encodeText, readJson, writeJson } from './json-body.ts';
import { idPerRedrive } from './redrive.ts';

const EVENT_TIME = timeHeader(HEADER.ceTime);

/** Writes the headers of an event. */
export function writeEventHeaders(event: JobEvent, ids: EventIds, carrier: Carrier, set: SetHeader): void {
  writeEnvelope(event, ids, set);
  writeEventSummary(event, set);
  setCarrier(carrier, set);
}

/** Writes the headers of an event of a callback. */
export function writeCallbackEventHeaders(
  event: CallbackEvent,
  ids: EventIds,
  carrier: Carrier,
  set: SetHeader,
): void {
  writeEnvelope(event, ids, set);
  setCarrier(carrier, set);
}

interface EventIds {
  readonly messageId: string;
  readonly source: string;
}

function writeEnvelope(
  { kind, at }: Pick<JobEvent | CallbackEvent, 'kind' | 'at'>,
  { messageId, source }: EventIds,
  set: SetHeader,
): void {
  set(HEADER.msgId, messageId);
  writeCloudEvent(set, { id: messageId, source, type: `${EVENT_TYPE_PREFIX}${kind}`, time: at });
}

/**
 * The `Nats-Msg-Id` of a worker's event. All ends of a job with the same redrive count share one id. Each progress report
 * has its own.
 */
export function eventMessageId(event: JobEvent): string {
  return idPerRedrive(idBeforeRedrive(event), event.redriveCount);
}

function idBeforeRedrive(event: JobEvent): string {
  const { jobId, attempt, released, kind, at } = event;
  if (isTerminalEvent(event)) return `${jobId}:end`;
  return kind === 'progress'
    ? `${jobId}:${attempt}:progress:${at}`
    : `${jobId}:${attempt}:${released}:${kind}`;
}

/** The summary in an event's headers; undefined if the headers do not say enough, and the body must be read. */
export function readEventHeaders(values: HeaderValues): EventSummary | undefined {
  const [type = ''] = values(HEADER.ceType);
  const kind = type.startsWith(EVENT_TYPE_PREFIX) ? type.slice(EVENT_TYPE_PREFIX.length) : '';
  const at = EVENT_TIME.read(values);
  return isEventKind(kind) && at !== undefined ? readEventSummary(values, kind, at) : undefined;
}

/**
 * The body of an event. Every event is written here, after the check that its readers make.
 * @param encode makes UTF-8 of a text
 * @throws ThroughlineError `internal` if no reader could read it
 */
export function writeJobEvent(event: JobEvent, encode = encodeText): Uint8Array {
  return encode(JSON.stringify(isPlainEvent(event) ? event : checked(JobEvent, event)));
}

/** The body of an event of a callback. @throws ThroughlineError `internal` if no reader could read it */
export function writeCallbackEvent(event: CallbackEvent): Uint8Array {
  return writeJson(checked(CallbackEvent, event));
}

function checked<Event extends JobEvent | CallbackEvent>(schema: z.ZodType<Event>, event: Event): Event {
  const { error } = schema.safeParse(event);
  if (error === undefined) return event;
  throw new ThroughlineError(
    'internal',
    `the event ${event.kind} could not be read again: ${schemaFaults(error)}`,
  );
}

/** Reads an event; undefined if the body is not an event (another program may write to the subject). */
export function readJobEvent(body: Uint8Array): JobEvent | undefined {
  return readAs(JobEvent, body);
}

/** Reads an event of a callback; undefined if the body is not an event of a callback. */
export function readCallbackEvent(body: Uint8Array): CallbackEvent | undefined {
  return readAs(CallbackEvent, body);
}

function readAs<Event>(schema: z.ZodType<Event>, body: Uint8Array): Event | undefined {
  try {
    return schema.safeParse(readJson(body)).data;
  } catch {
    return undefined;
  }
}
