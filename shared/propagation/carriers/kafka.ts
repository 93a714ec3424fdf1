import type { CarrierReader } from '../carrier.ts';
import { fromLines, fromValues, type HeaderLine, type HeaderRecord, textsOf } from './record.ts';

/**
 * The headers of a Kafka message: an object (`kafkajs`), a list of objects with one key each (`node-rdkafka`,
 * `@confluentinc/kafka-javascript`), or a `Map` (`@platformatic/kafka`).
 */
export type KafkaHeaders =
  | HeaderRecord
  | readonly HeaderRecord[]
  | ReadonlyMap<string | Uint8Array, unknown>
  | undefined
  | null;

/**
 * Reads the headers of a Kafka message. Kafka has bytes as values, keeps the case of names, and allows a name to come again.
 *
 * @example
 * const { context } = extract(fromKafkaHeaders(message.headers));
 */
export function fromKafkaHeaders(headers: KafkaHeaders): CarrierReader {
  if (headers instanceof Map) return fromLines(() => linesOf([...headers]));
  if (!Array.isArray(headers)) return fromValues(headers as HeaderRecord);
  const list: readonly HeaderRecord[] = headers;
  return fromLines(() => linesOf(list.flatMap((each) => Object.entries(each ?? {}))));
}

const linesOf = (pairs: readonly (readonly [unknown, unknown])[]): HeaderLine[] =>
  pairs.flatMap(([key, value]) => textsOf(key).map((name): HeaderLine => [name, textsOf(value)]));
