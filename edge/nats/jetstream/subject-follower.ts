import type { StoredMessage } from '../stored-message.ts';
import type { JetStream } from './jetstream.ts';
import { openPushConsumer } from './push-consumer.ts';

/** Which messages to follow, and who gets them. */
export interface Following {
  readonly subject: string;
  /** The lowest sequence to read. */
  readonly from: number;
  readonly take: (message: Pick<StoredMessage, 'sequence' | 'data'>) => void;
  /**
   * The follower calls this at most once, when no more messages will come. To go on, follow again after the last
   * message that came.
   */
  readonly onLost: () => void;
}

/**
 * Gives every message on one subject, from a stream sequence on. The messages come once each and in order, until the
 * follower is stopped or lost. The follower is a consumer of the stream. A plain subscription would not do: its
 * messages have no sequence, come before they are stored, and may be duplicates that the stream drops.
 * @returns a function that stops the follower. A second call of that function does nothing
 * @throws JetStreamError or an error of the NATS client
 */
export async function followSubject(
  jetStream: JetStream,
  stream: string,
  { subject, from, take, onLost }: Following,
): Promise<() => void> {
  const messages = {
    filter_subject: subject,
    deliver_policy: 'by_start_sequence',
    opt_start_seq: Math.max(1, from),
  } as const;
  const consumer = await openPushConsumer(jetStream, stream, messages, { take, onLost });
  return () => consumer.delete();
}
