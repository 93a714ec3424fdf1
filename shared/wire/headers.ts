/**
 * Names of the headers of NATS messages, and how their values are read and written. Only the headers listed here and in
 * the other files of this folder are ever written. No inbound header name is copied, since some of them command the
 * server.
 */
import type { NatsHeadersLike } from '../propagation/index.ts';

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

const YEAR = /^[0-9]{4}-/;

/**
 * CloudEvents times are RFC 3339, whose years have four digits; what else `Date` can read is not a time here. In UTC
 * the year may be another one, so it is looked at again.
 */
export function readTime(value: string | undefined): string | undefined {
  if (value === undefined || !YEAR.test(value)) return undefined;
  const time = Date.parse(value);
  const text = Number.isNaN(time) ? '' : new Date(time).toISOString();
  return YEAR.test(text) ? text : undefined;
}

/** A whole number from `min` to `max`. */
export function readWhole(text: string | undefined, min: number, max: number): number | undefined {
  const number = text !== undefined && /^[0-9]{1,12}$/.test(text) ? Number(text) : Number.NaN;
  return number >= min && number <= max ? number : undefined;
}
