/**
 * A job as a NATS message: CloudEvents 1.0, NATS binding, binary mode (docs/PROTOCOL.md).
 */
import { ThroughlineError } from '../errors.ts';
import { LIMITS } from '../job/job.ts';
import { type Carrier, setCarrier } from '../propagation/index.ts';
import { type Callback, readCallback, writeCallback } from './callback.ts';
import { writeCloudEvent } from './cloud-event.ts';
import { HEADER, type HeaderValues, readTime, readWhole, type SetHeader } from './headers.ts';
import { readJson } from './json-body.ts';
import { type Redrive, readRedrive, writeRedrive } from './redrive.ts';
import { dueSubject, type JobAddress, parseJobSubject } from './subjects.ts';

const JOB_TYPE = 'dev.throughline.job.submitted';

/** A job as it travels on `jobs.<tenant>.<jobId>.<operation>`; the body is the input as JSON. */
export interface JobMessage {
  readonly address: JobAddress;
  /** RFC 3339, or undefined where a producer did not say. */
  readonly acceptedAt: string | undefined;
  readonly maxAttempts: number | undefined;
  readonly timeoutMs: number | undefined;
  /** Digest of the request, of a job that was submitted with an idempotency key. */
  readonly fingerprint?: string | undefined;
  /** Absent before the first redrive. */
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
