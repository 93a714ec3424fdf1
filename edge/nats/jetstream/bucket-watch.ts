import { unavailable } from '../../../shared/errors.ts';
import type { BucketChange } from '../stored-message.ts';
import type { JetStream } from './jetstream.ts';
import { type Delivery, openPushConsumer } from './push-consumer.ts';

/** The header of a message that deletes a key. */
const OPERATION = 'KV-Operation';

/**
 * Follows a key-value bucket: first every key that it holds, then its changes. A change may be left out if a later one of the same
 * key overtakes it, since the bucket keeps only the last. Resolves after the last key that was there at the start.
 * @param onEnd called once, when no more changes will come
 * @throws JetStreamError, ThroughlineError or an error of the NATS client
 */
export async function watchBucket(
  jetStream: JetStream,
  bucket: string,
  take: (change: BucketChange) => void,
  onEnd: () => void,
): Promise<void> {
  const keys = bucketKeys(bucket);
  const consumer = await openPushConsumer(
    jetStream,
    `KV_${bucket}`,
    { filter_subject: `${keys}>`, deliver_policy: 'last_per_subject', flow_control: true },
    { take: (message) => take(changeOf(message, keys)) },
  );
  const ended = consumer.ended.then((): never => {
    throw unavailable('the watch of a bucket has ended');
  });
  try {
    await jetStream.answer(Promise.race([consumer.caughtUp, ended]));
  } catch (thrown) {
    // The caller starts another watch, so this one must stop.
    consumer.stop();
    throw thrown;
  }
  ended.catch(onEnd);
}

/** The subjects of a bucket's keys begin with this. */
export function bucketKeys(bucket: string): string {
  return `$KV.${bucket}.`;
}

/** The value of a key in a message; undefined if the message deletes the key. */
export function valueIn({ data, headers }: Pick<Delivery, 'data' | 'headers'>): Uint8Array | undefined {
  return headers?.values(OPERATION).length ? undefined : data;
}

function changeOf(message: Delivery, keys: string): BucketChange {
  const { subject, sequence } = message;
  return { key: subject.slice(keys.length), sequence, value: valueIn(message) };
}
