/**
 * The headers of NATS messages. Besides the trace context, only the headers listed here are ever written. No inbound
 * header name is copied, since some of them command the server.
 */
import type { NatsHeadersLike } from '../propagation/index.ts';
import { decodeAttribute, encodeAttribute } from '../text/event-attribute.ts';

export const HEADER = {
  msgId: 'Nats-Msg-Id',
  /** JetStream stores the message only if this is the sequence of the last message on its subject; 0: there is none. */
  expectedLast: 'Nats-Expected-Last-Subject-Sequence',
  /** For how long the stream keeps the message, such as `90s`. */
  ttl: 'Nats-TTL',
  /** The host that writes an entry of `LIMITS`, so that it does not take its own writes for those of others. */
  limitWriter: 'throughline-limit-writer',
  contentType: 'content-type',
  ceSpecVersion: 'ce-specversion',
  ceId: 'ce-id',
  ceSource: 'ce-source',
  ceType: 'ce-type',
  ceTime: 'ce-time',
  ceDataContentType: 'ce-datacontenttype',
  maxAttempts: 'throughline-max-attempts',
  timeoutMs: 'throughline-timeout-ms',
  fingerprint: 'throughline-fingerprint',
  dueAt: 'throughline-due-at',
  dueBy: 'throughline-due-by',
  priority: 'throughline-priority',
  orderingKey: 'throughline-ordering-key',
  tags: 'throughline-tags',
  callbackUrl: 'throughline-callback-url',
  callbackEvents: 'throughline-callback-events',
  redriveCount: 'throughline-redrive-count',
  previousTraceIds: 'throughline-previous-trace-ids',
  schedule: 'Nats-Schedule',
  scheduleTarget: 'Nats-Schedule-Target',
  scheduleTtl: 'Nats-Schedule-TTL',
  /** Written by the server: the subject of the schedule that a message comes from, and when it comes again. */
  scheduler: 'Nats-Scheduler',
  scheduleNext: 'Nats-Schedule-Next',
  deadReason: 'throughline-dead-reason',
  deadAttempts: 'throughline-dead-attempts',
  deadMessage: 'throughline-dead-message',
  deadDetail: 'throughline-dead-detail',
  jobSequence: 'throughline-job-sequence',
  outboxTimeMs: 'throughline-outbox-time-ms',
  publishedAgain: 'throughline-published-again',
  operation: 'throughline-operation',
  attempt: 'throughline-attempt',
  acceptedAt: 'throughline-accepted-at',
  startedAt: 'throughline-started-at',
  traceId: 'throughline-trace-id',
  errorCode: 'throughline-error-code',
} as const;

const NO_VALUES: readonly string[] = [];

/** Gives the values of a header, whatever the case of its name. */
export type HeaderValues = (name: string) => readonly string[];

/**
 * Reads the headers of a NATS message. NATS keeps the case of their names, and each producer's client writes its own. The
 * attributes of a CloudEvent are decoded.
 */
export function headerValues(messageHeaders: NatsHeadersLike | undefined): HeaderValues {
  if (messageHeaders === undefined) return () => NO_VALUES;
  const keys = messageHeaders.keys();
  const inLowerCase = keys.map((key) => key.toLowerCase());
  return (name) => {
    const wanted = name.toLowerCase();
    const first = inLowerCase.indexOf(wanted);
    const key = keys[first];
    if (key === undefined) return NO_VALUES;
    const isOnly = inLowerCase.indexOf(wanted, first + 1) === -1;
    const values = isOnly
      ? messageHeaders.values(key)
      : keys.filter((_, n) => inLowerCase[n] === wanted).flatMap((one) => messageHeaders.values(one));
    return name.startsWith('ce-') ? values.map(decodeAttribute) : values;
  };
}

export type SetHeader = (name: string, value: string) => void;

const JSON_MEDIA_TYPE = 'application/json';
/** The CloudEvent type of an event is this prefix and the kind of the event. */
export const EVENT_TYPE_PREFIX = 'dev.throughline.job.';

/** Writes the attributes of a CloudEvent with a JSON body. */
export function writeCloudEvent(
  set: SetHeader,
  event: { id: string; source: string; type: string; time: string },
): void {
  set(HEADER.ceSpecVersion, '1.0');
  set(HEADER.ceId, event.id);
  set(HEADER.ceSource, encodeAttribute(event.source));
  set(HEADER.ceType, event.type);
  set(HEADER.ceTime, event.time);
  // The binding has only this one. SDKs without a binding for NATS read the other one, as over HTTP.
  set(HEADER.ceDataContentType, JSON_MEDIA_TYPE);
  set(HEADER.contentType, JSON_MEDIA_TYPE);
}
