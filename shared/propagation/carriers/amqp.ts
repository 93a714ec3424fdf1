import { type CarrierReader, EVENT_FIELDS, FIELDS } from '../carrier.ts';
import { fromValues, type HeaderRecord } from './record.ts';

/**
 * Reads the headers of an AMQP 0-9-1 message (RabbitMQ): `message.properties.headers` of `amqplib`. Python's clients may send
 * texts as byte arrays. Both are read.
 *
 * @example
 * const { context } = extract(fromAmqpHeaders(message.properties.headers));
 */
export const fromAmqpHeaders = (headers: HeaderRecord | undefined | null): CarrierReader =>
  fromValues(headers);

/**
 * Reads the headers of a Celery task: the headers of its message, in message protocol 2 of Celery, with RabbitMQ, Redis or
 * another broker. A sender may have put its own headers one level deeper, below `headers`. They are read if the first level
 * has no trace field.
 */
export function fromCeleryHeaders(headers: HeaderRecord | undefined | null): CarrierReader {
  const message = fromValues(headers);
  return (name) => {
    if (holdsCarrier(message)) return message(name);
    const { headers: nested } = headers ?? {};
    return typeof nested === 'object' && nested !== null ? fromValues(nested as HeaderRecord)(name) : [];
  };
}

const holdsCarrier = (read: CarrierReader): boolean =>
  [...FIELDS, EVENT_FIELDS.traceparent].some((name) => read(name).length > 0);
