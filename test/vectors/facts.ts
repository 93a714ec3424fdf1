/** The job that all vectors are about, and how a message is written down. */
import type { JobEvent } from '../../shared/job/event.ts';
import type { Carrier } from '../../shared/propagation/index.ts';
import type { SetHeader } from '../../shared/wire/headers.ts';

export const ADDRESS = {
  tenant: 'acme',
  jobId: '01a1fc27-0387-7195-bbd2-9b1c91758d67',
  operation: 'image.thumbnail',
};
export const ACCEPTED_AT = '2026-01-02T03:04:05.678Z';
export const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
export const CARRIER: Carrier = {
  traceparent: TRACEPARENT,
  tracestate: 'vendor=a,other=b',
  baggage: 'user=ann',
};
/** The first event of the job. */
export const EVENT: JobEvent = {
  kind: 'started',
  jobId: ADDRESS.jobId,
  operation: ADDRESS.operation,
  attempt: 1,
  maxAttempts: 5,
  released: 0,
  acceptedAt: ACCEPTED_AT,
  startedAt: '2026-01-02T03:04:06.000Z',
  at: '2026-01-02T03:04:07.000Z',
  worker: 'host-1',
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  spanId: '1111222233334444',
};

export type Headers = [name: string, value: string][];

/** A message, and what it is made of. */
export interface MessageVector {
  /** What it is, for a reader: one line. */
  readonly what: string;
  /** What it is made of. */
  readonly input: unknown;
  readonly subject: string;
  readonly headers: Headers;
  readonly payload: string;
  /** The value of `Nats-Expected-Last-Subject-Sequence`; null: the message has no such header. */
  readonly expectedSequence: number | null;
}

/** A header that is written twice keeps its place, and its last value. */
export function message(
  facts: Pick<MessageVector, 'what' | 'input' | 'subject' | 'payload'>,
  write: (set: SetHeader) => void,
): MessageVector {
  const headers = new Map<string, string>();
  write((name, value) => headers.set(name, value));
  const { what, input, subject, payload } = facts;
  const expected = headers.get('Nats-Expected-Last-Subject-Sequence');
  const expectedSequence = expected === undefined ? null : Number(expected);
  return { what, input, subject, headers: [...headers], expectedSequence, payload };
}

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
