/** Reads a stream's messages of one subject over an open connection: pages of what is there, and what comes next. */
import {
  AckPolicy,
  createInbox,
  DeliverPolicy,
  type JetStreamManager,
  type Msg,
  type NatsConnection,
  NatsError,
  nanos,
  nuid,
} from 'nats.ws';
import { INBOX } from '../../shared/wire/subjects.ts';
import type { Answer, StoredMessage } from './stored-message.ts';

const HEARTBEAT_MS = 5_000;
/** A consumer that is silent for three heartbeats is gone (its server restarted, say). */
const SILENCE_MS = 3 * HEARTBEAT_MS;
/** A consumer nobody listens to removes itself after this time. */
const INACTIVE_MS = 10_000;

export interface SubjectPageQuery {
  readonly subject: string;
  /** The lowest sequence that may be in the page. */
  readonly from: number;
  readonly maxMessages: number;
  readonly maxBytes: number;
}

export interface SubjectPage {
  readonly messages: readonly Pick<StoredMessage, 'sequence' | 'data'>[];
  /** Whether the replica that answered has more. */
  readonly more: boolean;
}

/**
 * One page of a subject's messages, in one round trip (a batched direct get). The replica that answers may lag: what
 * it gives is right and in order, but its tail may be missing.
 * @throws NatsError
 */
export async function readPage(
  connection: NatsConnection,
  stream: string,
  { subject, from, maxMessages, maxBytes }: SubjectPageQuery,
  answer: Answer,
): Promise<SubjectPage> {
  const { promise, resolve, reject } = Promise.withResolvers<SubjectPage>();
  const messages: SubjectPage['messages'][number][] = [];
  const reply = createInbox(INBOX.edge);
  const subscription = connection.subscribe(reply, {
    callback: (error: Error | null, message: Msg) => {
      if (error !== null) return reject(error);
      const { headers, data } = message;
      const code = headers?.code ?? 0;
      if (code === 404) return resolve({ messages, more: false });
      if (code === 204) return resolve({ messages, more: Number(headers?.get('Nats-Num-Pending')) > 0 });
      if (code !== 0) return reject(new NatsError(headers?.description ?? '', String(code)));
      messages.push({ sequence: Number(headers?.get('Nats-Sequence')), data });
    },
  });
  try {
    const query = { seq: from, next_by_subj: subject, batch: maxMessages, max_bytes: maxBytes };
    connection.publish(`$JS.API.DIRECT.GET.${stream}`, JSON.stringify(query), { reply });
    return await answer(promise);
  } finally {
    if (!subscription.isClosed()) subscription.unsubscribe();
  }
}

export interface Following {
  readonly subject: string;
  /** The lowest sequence to give. */
  readonly from: number;
  readonly take: (message: Pick<StoredMessage, 'sequence' | 'data'>) => void;
  /** Called at most once, when nothing more will come: begin again behind the last message that came. */
  readonly onLost: () => void;
}

/**
 * Gives every message stored on one subject from a sequence on, in order, none left out and none twice, until it is
 * stopped or lost. It is a consumer of the stream and no plain subscription: a plain message has no sequence, is
 * not stored yet when it comes, and may be one that the stream drops as a duplicate.
 * @returns what stops it; safe to call twice
 * @throws NatsError
 */
export async function followSubject(
  connection: NatsConnection,
  manager: JetStreamManager,
  stream: string,
  { subject, from, take, onLost }: Following,
  answer: Answer,
): Promise<() => void> {
  let delivered = 0;
  let silence: ReturnType<typeof setTimeout> | undefined;
  const stop = (): void => {
    clearTimeout(silence);
    if (!subscription.isClosed()) subscription.unsubscribe();
  };
  const lose = (): void => {
    if (subscription.isClosed()) return;
    stop();
    onLost();
  };
  const listen = (): void => {
    clearTimeout(silence);
    silence = setTimeout(lose, SILENCE_MS);
  };
  const deliverSubject = createInbox(INBOX.edge);
  const subscription = connection.subscribe(deliverSubject, {
    callback: (error: Error | null, message: Msg) => {
      if (error !== null) return lose();
      listen();
      if (message.headers?.code === 100) {
        const sent = Number(message.headers.get('Nats-Last-Consumer'));
        return sent > delivered ? lose() : undefined;
      }
      const { nth, sequence } = deliveryOf(message);
      if (nth !== ++delivered) return lose();
      take({ sequence, data: message.data });
    },
  });
  try {
    const { name } = await answer(
      manager.consumers.add(stream, {
        // With a name, the request's subject holds the filter, so that NATS can permit this one and no other.
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
      }),
    );
    if (!subscription.isClosed()) listen();
    return () => {
      if (!subscription.isClosed()) manager.consumers.delete(stream, name).catch(() => undefined);
      stop();
    };
  } catch (thrown) {
    stop();
    throw thrown;
  }
}

const NANOS_PER_MS = 1_000_000;

/** What the subject that would acknowledge a message says of it. */
interface Delivery {
  /** Which message of its consumer this is. */
  readonly nth: number;
  /** Where it is stored. */
  readonly sequence: number;
  /** When it was. */
  readonly storedMs: number;
  /** How many its consumer has behind it. */
  readonly pending: number;
}

export function deliveryOf({ reply = '' }: Msg): Delivery {
  const tokens = reply.split('.');
  // $JS.ACK.<stream>.<consumer>.<times>.<sequence>.<nth>.<time>.<pending>, with a domain and an account before the
  // stream or without.
  const skip = tokens.length > 9 ? 2 : 0;
  const [sequence, nth, time, pending] = tokens.slice(skip + 5).map(Number);
  return {
    nth: nth ?? Number.NaN,
    sequence: sequence ?? Number.NaN,
    storedMs: Math.floor((time ?? Number.NaN) / NANOS_PER_MS),
    pending: pending ?? Number.NaN,
  };
}
