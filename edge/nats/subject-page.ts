import { createInbox } from '@nats-io/nats-core';
import { INBOX } from '../../shared/wire/subjects.ts';
import { statusError } from './broker-error.ts';
import type { JetStream } from './jetstream/jetstream.ts';
import type { StoredMessage } from './stored-message.ts';

/** Status codes of a message that ends a batch: no message was found (404), or the last message was sent (204). */
const NOT_FOUND = 404;
const END_OF_BATCH = 204;

export interface SubjectPageQuery {
  readonly subject: string;
  /** The lowest sequence that may be in the page. */
  readonly from: number;
  readonly maxMessages: number;
  readonly maxBytes: number;
}

export interface SubjectPage {
  readonly messages: readonly Pick<StoredMessage, 'sequence' | 'data'>[];
  /** Whether the replica that answered has more messages. */
  readonly more: boolean;
}

/**
 * Reads one page of a subject's messages in one round trip (a batched direct get). The replica that answers may be
 * behind. Its messages are right and in order, but the latest may be missing.
 * @throws ThroughlineError or an error of the NATS client
 */
export async function readPage(
  { connection, answer }: JetStream,
  stream: string,
  { subject, from, maxMessages, maxBytes }: SubjectPageQuery,
): Promise<SubjectPage> {
  const { promise, resolve, reject } = Promise.withResolvers<SubjectPage>();
  const messages: SubjectPage['messages'][number][] = [];
  const reply = createInbox(INBOX.edge);
  const subscription = connection.subscribe(reply, {
    callback: (error, { headers, data }) => {
      if (error !== null) return reject(error);
      const code = headers?.code ?? 0;
      if (code === NOT_FOUND) return resolve({ messages, more: false });
      if (code === END_OF_BATCH)
        return resolve({ messages, more: Number(headers?.get('Nats-Num-Pending')) > 0 });
      if (headers !== undefined && code !== 0) return reject(statusError(headers));
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
