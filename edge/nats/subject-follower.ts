import {
  AckPolicy,
  createInbox,
  DeliverPolicy,
  type JetStreamManager,
  type Msg,
  type NatsConnection,
  nanos,
  nuid,
  type Subscription,
} from 'nats.ws';
import { INBOX } from '../../shared/wire/subjects.ts';
import { readReplyInfo } from './reply-subject.ts';
import type { Answer, StoredMessage } from './stored-message.ts';

const HEARTBEAT_MS = 5_000;
/** A consumer that is silent for three heartbeats is gone, for example because its server restarted. */
const SILENCE_MS = 3 * HEARTBEAT_MS;
/** The server removes a consumer to which nobody has listened for this long. */
const INACTIVE_MS = 10_000;
/** The status code of a heartbeat message. */
const IDLE = 100;

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
 * @throws NatsError
 */
export async function followSubject(
  connection: NatsConnection,
  manager: JetStreamManager,
  stream: string,
  following: Following,
  answer: Answer,
): Promise<() => void> {
  const deliverSubject = createInbox(INBOX.edge);
  const follower = new SubjectFollower(following);
  follower.listen(connection, deliverSubject);
  try {
    const { name } = await answer(manager.consumers.add(stream, consumerOf(following, deliverSubject)));
    follower.expectHeartbeats();
    return () => {
      if (!follower.isStopped) manager.consumers.delete(stream, name).catch(() => undefined);
      follower.stop();
    };
  } catch (thrown) {
    follower.stop();
    throw thrown;
  }
}

function consumerOf({ subject, from }: Following, deliverSubject: string) {
  return {
    // With a name, the filter is part of the request's subject. This lets NATS permit only this request.
    name: nuid.next(),
    deliver_subject: deliverSubject,
    filter_subject: subject,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: Math.max(1, from),
    ack_policy: AckPolicy.None,
    max_deliver: 1,
    mem_storage: true,
    num_replicas: 1,
    idle_heartbeat: nanos(HEARTBEAT_MS),
    inactive_threshold: nanos(INACTIVE_MS),
  };
}

class SubjectFollower {
  readonly #following: Following;
  #subscription: Subscription | undefined;
  #delivered = 0;
  #silence: ReturnType<typeof setTimeout> | undefined;

  constructor(following: Following) {
    this.#following = following;
  }

  get isStopped(): boolean {
    return this.#subscription?.isClosed() ?? true;
  }

  listen(connection: NatsConnection, deliverSubject: string): void {
    this.#subscription = connection.subscribe(deliverSubject, {
      callback: (error: Error | null, message: Msg) => {
        if (error === null) this.#take(message);
        else this.#lose();
      },
    });
  }

  /** Treats the consumer as lost if it is silent for {@link SILENCE_MS} from now on. */
  expectHeartbeats(): void {
    clearTimeout(this.#silence);
    if (!this.isStopped) this.#silence = setTimeout(() => this.#lose(), SILENCE_MS);
  }

  stop(): void {
    clearTimeout(this.#silence);
    if (!this.isStopped) this.#subscription?.unsubscribe();
  }

  #take(message: Msg): void {
    this.expectHeartbeats();
    if (message.headers?.code === IDLE) {
      const sent = Number(message.headers.get('Nats-Last-Consumer'));
      if (sent > this.#delivered) this.#lose();
      return;
    }
    const { nth, sequence } = readReplyInfo(message);
    if (nth !== ++this.#delivered) this.#lose();
    else this.#following.take({ sequence, data: message.data });
  }

  #lose(): void {
    if (this.isStopped) return;
    this.stop();
    this.#following.onLost();
  }
}
