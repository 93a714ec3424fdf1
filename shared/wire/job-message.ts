/** A job as a NATS message: CloudEvents 1.0, NATS binding, binary mode (docs/PROTOCOL.md). */
import { defined } from '../defined.ts';
import { ThroughlineError } from '../errors.ts';
import type { JobAddress } from '../job/job-address.ts';
import type { JobSpec } from '../job/job-spec.ts';
import type { Redrive } from '../job/redrive.ts';
import { type Carrier, setCarrier } from '../propagation/index.ts';
import { timeHeader, wholeNumberHeader } from './header-codec.ts';
import { HEADER, type HeaderValues, type SetHeader, writeCloudEvent } from './headers.ts';
import { readRunnableJobSpec, writeJobSpec } from './job-headers.ts';
import { readJson } from './json-body.ts';
import { readRedrive, writeRedrive } from './redrive.ts';
import { dueSubject, parseJobSubject } from './subjects.ts';

const JOB_TYPE = 'dev.throughline.job.submitted';
const OUTBOX_TIME_MS = wholeNumberHeader(HEADER.outboxTimeMs, 0, Number.POSITIVE_INFINITY);

const ACCEPTED_AT = timeHeader(HEADER.ceTime);

/** A job as it travels on `jobs.<tenant>.<jobId>.<operation>`. */
export interface JobMessage {
  readonly address: JobAddress;
  /** RFC 3339, or undefined if the producer did not say. */
  readonly acceptedAt: string | undefined;
  readonly spec: JobSpec;
  /** Absent before the first redrive. */
  readonly redrive?: Redrive;
  /** Milliseconds that the job waited in the outbox, if it did. */
  readonly outboxTimeMs?: number;
  /** Whether the job may have had an earlier message, so long ago that the broker does not drop this one as a duplicate. */
  readonly publishedAgain?: boolean;
  readonly input: unknown;
}

/** A job whose message is to be written. */
interface JobToWrite {
  readonly address: JobAddress;
  readonly acceptedAt: string;
  readonly spec: JobSpec;
  readonly redrive?: Redrive | undefined;
  /** Who writes the message: the `source` of the CloudEvent. */
  readonly source: string;
}

/**
 * Writes the headers of a job message; its body is the input as JSON. `Nats-Msg-Id` is the job id, so that JetStream
 * drops a second publish.
 */
export function writeJobHeaders(
  { address, acceptedAt, spec, redrive, source }: JobToWrite,
  carrier: Carrier,
  set: SetHeader,
): void {
  set(HEADER.msgId, address.jobId);
  writeCloudEvent(set, { id: address.jobId, source, type: JOB_TYPE, time: acceptedAt });
  writeJobSpec(spec, set);
  if (redrive !== undefined) writeRedrive(redrive, set);
  setCarrier(carrier, set);
}

/** How long the copy of a due job may wait in `DELAYED` for room in the queue. */
const DUE_TTL = '168h';

/** Writes the headers that make a message on `delayed.…` a schedule of JetStream (nats-server 2.12, ADR-51). */
export function writeScheduleHeaders(address: JobAddress, dueAt: string, set: SetHeader): void {
  set(HEADER.schedule, `@at ${dueAt}`);
  set(HEADER.scheduleTarget, dueSubject(address));
  set(HEADER.scheduleTtl, DUE_TTL);
}

/** Writes the headers of a job that waited in the outbox. */
export function writeOutboxHeaders(
  { waitedMs, again }: { readonly waitedMs: number; readonly again: boolean },
  set: SetHeader,
): void {
  OUTBOX_TIME_MS.write(Math.round(waitedMs), set);
  if (again) set(HEADER.publishedAgain, 'true');
}

/** When a job was accepted, RFC 3339; undefined if its message does not say. */
export function readAcceptedAt(values: HeaderValues): string | undefined {
  return ACCEPTED_AT.read(values);
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
    acceptedAt: readAcceptedAt(values),
    spec: readRunnableJobSpec(values),
    ...defined({
      redrive: readRedrive(values),
      outboxTimeMs: OUTBOX_TIME_MS.read(values),
      publishedAgain: values(HEADER.publishedAgain).includes('true') ? true : undefined,
    }),
    input: readJson(body),
  };
}
