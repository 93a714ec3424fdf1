import type { StoredMessage } from '../../../edge/nats/stored-message.ts';
import { writeJson } from '../../../shared/wire/json-body.ts';
import { MemoryHeaders } from '../support/memory-headers.ts';

export const TIME = new Date('2026-01-01T00:00:07.000Z');
export const OLD = '4bf92f3577b34da6a3ce929d0e0e4736';
export const NEW = '0af7651916cd43dd8448eb211c80319c';
export const traceparent = (traceId: string): string => `00-${traceId}-00f067aa0ba902b7-01`;

export type Fields = Record<string, string>;

/** A message as a stream holds it. */
export function stored(
  subject: string,
  seq: number,
  fields: Fields,
  data = writeJson({ n: 7 }),
): StoredMessage {
  return { subject, sequence: seq, data, headers: new MemoryHeaders(fields), time: TIME };
}

/** A dead letter of the operation `echo`. */
export const deadLetter = (seq = 5, more: Fields = {}, jobId = 'job-1'): StoredMessage =>
  stored(`dead.acme.${jobId}.echo`, seq, {
    traceparent: traceparent(OLD),
    baggage: 'user=ann',
    'throughline-max-attempts': '3',
    'throughline-dead-reason': 'operation-failed',
    'throughline-dead-attempts': '3',
    'x-stranger': 'canary',
    ...more,
  });
