/**
 * The messages on NATS: CloudEvents 1.0, NATS binding, binary mode (DESIGN.md, "On the wire"). Only the headers
 * listed here are ever written; no inbound header name is copied, since some of them command the server.
 */

import { ThroughlineError } from '../errors.ts';
import { CallbackEvent } from '../job/callback-event.ts';
import { isEventKind, JobEvent } from '../job/event.ts';
import { LIMITS } from '../job/job.ts';
import { type Carrier, type NatsHeadersLike, setCarrier } from '../propagation/index.ts';
import { type Callback, readCallback, writeCallback } from './callback.ts';
import { type EventDigest, readEventDigest, writeEventDigest } from './event-digest.ts';
import { readTime, readWhole } from './header-value.ts';
import { type Redrive, readRedrive, writeRedrive } from './redrive.ts';
import { dueSubject, type JobAddress, parseJobSubject } from './subjects.ts';

export const HEADER = {
  msgId: 'Nats-Msg-Id',
  /** JetStream stores the message only if this is the sequence of the last one on its subject; 0: if there is none. */
  expectedLast: 'Nats-Expected-Last-Subject-Sequence',
  contentType: 'content-type',
  ceSpecVersion: 'ce-specversion',
  ceId: 'ce-id',
  ceSource: 'ce-source',
  ceType: 'ce-type',
  ceTime: 'ce-time',
  maxAttempts: 'throughline-max-attempts',
  timeoutMs: 'throughline-timeout-ms',
  fingerprint: 'throughline-fingerprint',
  dueAt: 'throughline-due-at',
  schedule: 'Nats-Schedule',
  scheduleTarget: 'Nats-Schedule-Target',
  scheduleTtl: 'Nats-Schedule-TTL',
  deadReason: 'throughline-dead-reason',
  deadAttempts: 'throughline-dead-attempts',
  jobSequence: 'throughline-job-sequence',
  outboxTimeMs: 'throughline-outbox-time-ms',
  publishedAgain: 'throughline-published-again',
} as const;

const JSON_MEDIA_TYPE = 'application/json';
const JOB_TYPE = 'dev.throughline.job.submitted';
/** Before the kind of an event: the type of its CloudEvent. */
export const EVENT_TYPE_PREFIX = 'dev.throughline.job.';

/** Reads one header's values, whatever the case of its name. */
export type HeaderValues = (name: string) => readonly string[];

/** Reads NATS message headers: their names are case-sensitive there, and producers write them their own way. */
export function headerValues(messageHeaders: NatsHeadersLike | undefined): HeaderValues {
  if (messageHeaders === undefined) return () => [];
  const keys = messageHeaders.keys();
  return (name) =>
    keys
      .filter((key) => key.toLowerCase() === name.toLowerCase())
      .flatMap((key) => messageHeaders.values(key));
}

export type SetHeader = (name: string, value: string) => void;

/** A job as it travels on `jobs.<tenant>.<jobId>.<operation>`; the body is the input as JSON. */
export interface JobMessage {
  readonly address: JobAddress;
  /** RFC 3339, or undefined where a producer did not say. */
  readonly acceptedAt: string | undefined;
  readonly maxAttempts: number | undefined;
  readonly timeoutMs: number | undefined;
  /** Digest of the request, of a job that was submitted with an idempotency key. */
  readonly fingerprint?: string | undefined;
  /** Absent in the first round. */
  readonly redrive?: Redrive;
  /** Whom to tell of its end. */
  readonly callback?: Callback | undefined;
  /** Of a job that was not sent at once: milliseconds between its acceptance and its sending. */
  readonly outboxTimeMs?: number;
  /** Whether there may have been a message of this job before, longer ago than the broker remembers. */
  readonly publishedAgain?: boolean;
  readonly input: unknown;
}

/** Headers of a job message. `Nats-Msg-Id` is the job id, so that JetStream drops a second publish. */
export function writeJobHeaders(
  job: Omit<JobMessage, 'input' | 'acceptedAt'> & { readonly acceptedAt: string; readonly source: string },
  carrier: Carrier,
  set: SetHeader,
): void {
  set(HEADER.msgId, job.address.jobId);
  writeCloudEvent(set, { id: job.address.jobId, source: job.source, type: JOB_TYPE, time: job.acceptedAt });
  if (job.maxAttempts !== undefined) set(HEADER.maxAttempts, String(job.maxAttempts));
  if (job.timeoutMs !== undefined) set(HEADER.timeoutMs, String(job.timeoutMs));
  if (job.fingerprint !== undefined) set(HEADER.fingerprint, job.fingerprint);
  if (job.redrive !== undefined) writeRedrive(job.redrive, set);
  if (job.callback !== undefined) writeCallback(job.callback, set);
  setCarrier(carrier, set);
}

/** How long the copy of a delayed job stays in `DELAYED`: longer than a full queue could keep it from being taken. */
const DUE_TTL = '168h';

/** Headers that make a message on `delayed.…` a schedule of JetStream (nats-server 2.12, ADR-51). */
export function writeScheduleHeaders(address: JobAddress, dueAt: string, set: SetHeader): void {
  set(HEADER.dueAt, dueAt);
  set(HEADER.schedule, `@at ${dueAt}`);
  set(HEADER.scheduleTarget, dueSubject(address));
  set(HEADER.scheduleTtl, DUE_TTL);
}

/** Headers of a job that was kept at the edge while NATS could not be reached. */
export function writeOutboxHeaders(
  { waitedMs, again }: { readonly waitedMs: number; readonly again: boolean },
  set: SetHeader,
): void {
  set(HEADER.outboxTimeMs, String(Math.round(waitedMs)));
  if (again) set(HEADER.publishedAgain, 'true');
}

/**
 * Reads a job message. A producer in another language may leave out everything but the subject and the body.
 * @throws ThroughlineError `message-invalid` saying what cannot be read
 */
export function readJobMessage(subject: string, values: HeaderValues, body: Uint8Array): JobMessage {
  const address = parseJobSubject(subject);
  if (address === undefined) {
    throw new ThroughlineError('message-invalid', 'the subject is not jobs.<tenant>.<jobId>.<operation>');
  }
  return {
    address,
    acceptedAt: readTime(values(HEADER.ceTime)[0]),
    maxAttempts: readCount(HEADER.maxAttempts, values, LIMITS.maxAttempts),
    timeoutMs: readCount(HEADER.timeoutMs, values, LIMITS.timeoutMs),
    fingerprint: readFingerprint(values),
    ...redriveOf(values),
    callback: readCallback(values),
    ...outboxOf(values),
    input: readJson(body),
  };
}

/** What a queued job's headers say of it, as far as they can be read; for showing, never throws. */
export function readJobLimits(values: HeaderValues): Pick<
  JobMessage,
  'acceptedAt' | 'maxAttempts' | 'timeoutMs' | 'fingerprint' | 'callback'
> & {
  readonly dueAt: string | undefined;
} {
  return {
    acceptedAt: readTime(values(HEADER.ceTime)[0]),
    maxAttempts: readWhole(values(HEADER.maxAttempts)[0], 1, LIMITS.maxAttempts),
    timeoutMs: readWhole(values(HEADER.timeoutMs)[0], 1, LIMITS.timeoutMs),
    fingerprint: readFingerprint(values),
    callback: readCallback(values),
    dueAt: readTime(values(HEADER.dueAt)[0]),
  };
}

function redriveOf(values: HeaderValues): Pick<JobMessage, 'redrive'> {
  const redrive = readRedrive(values);
  return redrive === undefined ? {} : { redrive };
}

/** For showing, and for caution: what cannot be read counts as absent. */
function outboxOf(values: HeaderValues): Pick<JobMessage, 'outboxTimeMs' | 'publishedAgain'> {
  const [waited] = values(HEADER.outboxTimeMs);
  return {
    ...(waited !== undefined && /^[0-9]{1,12}$/.test(waited) ? { outboxTimeMs: Number(waited) } : {}),
    ...(values(HEADER.publishedAgain).includes('true') ? { publishedAgain: true } : {}),
  };
}

/** Headers of an event message. A terminal event of a job has one id, whoever writes it. */
export function writeEventHeaders(event: JobEvent, ids: EventIds, carrier: Carrier, set: SetHeader): void {
  writeEnvelope(event, ids, set);
  writeEventDigest(event, set);
  setCarrier(carrier, set);
}

/** Headers of an event that tells what became of a callback. */
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

/** What an event's headers say of it; undefined where they do not say enough, and the body has to be read. */
export function readEventHeaders(values: HeaderValues): EventDigest | undefined {
  const [type = ''] = values(HEADER.ceType);
  const kind = type.startsWith(EVENT_TYPE_PREFIX) ? type.slice(EVENT_TYPE_PREFIX.length) : '';
  const at = readTime(values(HEADER.ceTime)[0]);
  return isEventKind(kind) && at !== undefined ? readEventDigest(values, kind, at) : undefined;
}

/** Reads an event; undefined when the body is not one (somebody else wrote to the subject). */
export function readJobEvent(body: Uint8Array): JobEvent | undefined {
  try {
    return JobEvent.safeParse(readJson(body)).data;
  } catch {
    return undefined;
  }
}

/** Reads what became of a callback; undefined when the body is something else. */
export function readCallbackEvent(body: Uint8Array): CallbackEvent | undefined {
  try {
    return CallbackEvent.safeParse(readJson(body)).data;
  } catch {
    return undefined;
  }
}

const encoder = new TextEncoder();
// A JSON text on the wire is UTF-8 (RFC 8259, section 8.1): broken bytes are an error, not U+FFFD.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/** UTF-8 bytes of `value` as JSON; `undefined` becomes `null`, since JSON has no word for it. */
export function writeJson(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value) ?? 'null');
}

function readJson(body: Uint8Array): unknown {
  try {
    return body.length === 0 ? null : JSON.parse(decoder.decode(body));
  } catch (cause) {
    throw new ThroughlineError('message-invalid', 'the body is not JSON in UTF-8', { cause });
  }
}

/** The attributes of a CloudEvent with a JSON body. */
export function writeCloudEvent(
  set: SetHeader,
  event: { id: string; source: string; type: string; time: string },
): void {
  set(HEADER.ceSpecVersion, '1.0');
  set(HEADER.ceId, event.id);
  set(HEADER.ceSource, event.source);
  set(HEADER.ceType, event.type);
  set(HEADER.ceTime, event.time);
  set(HEADER.contentType, JSON_MEDIA_TYPE);
}

function readFingerprint(values: HeaderValues): string | undefined {
  const [value] = values(HEADER.fingerprint);
  return value !== undefined && /^[0-9a-f]{64}$/.test(value) ? value : undefined;
}

function readCount(name: string, values: HeaderValues, max: number): number | undefined {
  const [text] = values(name);
  if (text === undefined) return undefined;
  const count = readWhole(text, 1, max);
  if (count !== undefined) return count;
  throw new ThroughlineError('message-invalid', `the header ${name} is not a whole number from 1 to ${max}`);
}
