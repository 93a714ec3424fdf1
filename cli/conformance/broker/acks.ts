import { NANOS_PER_MS } from '../../../shared/nats/streams.ts';
import type { Heard } from './tape.ts';

/** An answer of a worker to a delivery of a message in `JOBS`. */
export interface HeardAck {
  readonly kind: 'ack' | 'nak' | 'term' | 'keep-alive' | 'other';
  readonly place: number;
  readonly atMs: number;
  readonly consumer: string;
  /** Which delivery of the message it answers, from 1 on. */
  readonly delivery: number;
  /** The sequence of the message in `JOBS`. */
  readonly sequence: number;
  /** Of a nak: after how many milliseconds the message comes again. */
  readonly delayMs: number;
}

const KINDS = { '+ACK': 'ack', '-NAK': 'nak', '+TERM': 'term', '+WPI': 'keep-alive' } as const;

/** Reads an ack of a message in `JOBS`; undefined if the message is something else. */
export function readAck({ subject, data, place, atMs }: Heard): HeardAck | undefined {
  const [stream, consumer = '', delivery, sequence] = deliveryTokens(subject);
  if (stream !== 'JOBS') return undefined;
  const body = new TextDecoder().decode(data);
  const [word = ''] = body.split(' ', 1);
  return {
    place,
    atMs,
    consumer,
    delivery: Number(delivery),
    sequence: Number(sequence),
    kind: body === '' ? 'ack' : word in KINDS ? KINDS[word as keyof typeof KINDS] : 'other',
    delayMs: delayOf(body),
  };
}

/** Stream, consumer, delivery and sequence. Newer servers write domain and account before them. */
function deliveryTokens(subject: string): string[] {
  const tokens = subject.split('.');
  if (tokens[0] !== '$JS' || tokens[1] !== 'ACK') return [];
  return tokens.length > 9 ? tokens.slice(4) : tokens.slice(2);
}

function delayOf(body: string): number {
  const nanos = /^-NAK\s+(?:\{.*"delay"\s*:\s*)?([0-9]+)/.exec(body)?.[1];
  return nanos === undefined ? 0 : Number(nanos) / NANOS_PER_MS;
}
