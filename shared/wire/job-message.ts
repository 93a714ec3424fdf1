/** A job as a NATS message (CloudEvents 1.0, NATS binding, binary mode; see docs/PROTOCOL.md). */
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
import type { Route } from './lanes.ts';
import { readRedrive, writeRedrive } from './redrive.ts';
import { isJsonType, isStructured } from './structured-event.ts';
import { dueSubject, parseJobSubject } from './subjects.ts';

const JOB_TYPE = 'dev.throughline.job.submitted';
const OUTBOX_TIME_MS = wholeNumberHeader(HEADER.outboxTimeMs, 0, Number.POSITIVE_INFINITY);

const ACCEPTED_AT = timeHeader(HEADER.ceTime);

/** A job as its message on `jobs.…` describes it. */
export interface JobMessage {
  readonly address: JobAddress;
  /** When the job was accepted, RFC 3339; undefined if the producer did not say when. */
  readonly acceptedAt: string | undefined;
  readonly spec: JobSpec;
  /** The redrives of the job; absent before the first redrive. */
  readonly redrive?: Redrive;
  /** How many milliseconds the job waited in the outbox, if it was there. */
  readonly outboxTimeMs?: number;
  /**
   * Whether the job may have had an earlier message. That message may be so old that the broker does not drop this one
   * as a duplicate.
   */
  readonly publishedAgain?: boolean;
  readonly input: unknown;
}

/** A job whose message is to be written. */
interface JobToWrite {
  readonly address: JobAddress;
  readonly acceptedAt: string;
  readonly spec: JobSpec;
  readonly redrive?: Redrive | undefined;
  /** The `source` of the CloudEvent: who writes the message. */
  readonly source: string;
}

/**
 * Writes the headers of a job message. The body of the message is the job's input as JSON. `Nats-Msg-Id` is the job id,
 * so that JetStream drops a second message of the job.
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

/** How long the copy of a job that is due may wait in `DELAYED` for room in the queue. */
const DUE_TTL = '168h';

/** Writes the headers that make a message on `delayed.…` a schedule of JetStream (nats-server 2.12, ADR-51 of NATS). */
export function writeScheduleHeaders(address: JobAddress, route: Route, dueAt: string, set: SetHeader): void {
  set(HEADER.schedule, `@at ${dueAt}`);
  set(HEADER.scheduleTarget, dueSubject(address, route));
  set(HEADER.scheduleTtl, DUE_TTL);
}

/**
 * The subject of the schedule that a message comes from, if this schedule repeats. The server writes `purge` as the next time
 * of a schedule that does not (nats-server, server/scheduler.go).
 */
export function repeatingSchedule(values: HeaderValues): string | undefined {
  const [next] = values(HEADER.scheduleNext);
  return next === undefined || next === 'purge' ? undefined : (values(HEADER.scheduler)[0] ?? 'unknown');
}

/** Writes the extra headers of a job that waited in the outbox. */
export function writeOutboxHeaders(
  { waitedMs, again }: { readonly waitedMs: number; readonly again: boolean },
  set: SetHeader,
): void {
  OUTBOX_TIME_MS.write(Math.round(waitedMs), set);
  if (again) set(HEADER.publishedAgain, 'true');
}

/** Reads when a job was accepted, RFC 3339; undefined if the job's message does not say when. */
export function readAcceptedAt(values: HeaderValues): string | undefined {
  return ACCEPTED_AT.read(values);
}

/**
 * Reads a job message in binary mode. A producer in another language may leave out everything except the subject and the body.
 * @throws ThroughlineError `message-invalid` naming the part that cannot be read
 */
export function readJobMessage(subject: string, values: HeaderValues, body: Uint8Array): JobMessage {
  const address = parseJobSubject(subject);
  if (address === undefined) {
    throw new ThroughlineError(
      'message-invalid',
      'the subject is not jobs.<priority>.<lane>.<tenant>.<jobId>.<operation>',
    );
  }
  checkData(values);
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

/** @throws ThroughlineError `message-invalid` if the message says that its data is not JSON, or if its event cannot be read */
function checkData(values: HeaderValues): void {
  if (isStructured(values)) {
    throw new ThroughlineError('message-invalid', 'the body is not a CloudEvent in the JSON format');
  }
  const type = values(HEADER.ceDataContentType).find((each) => !isJsonType(each));
  if (type !== undefined) {
    throw new ThroughlineError(
      'message-invalid',
      'the header ce-datacontenttype says that the data is not JSON',
    );
  }
}
