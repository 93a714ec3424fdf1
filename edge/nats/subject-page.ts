import type { Msg } from '@nats-io/nats-core';
import { statusError } from './broker-error.ts';
import type { JetStream } from './jetstream/jetstream.ts';
import type { StoredMessage } from './stored-message.ts';

/** Status codes of a message that ends a batch: no message was found (404), or the last message was sent (204). */
const NOT_FOUND = 404;
const END_OF_BATCH = 204;

export interface SubjectPageQuery {
  /** Wildcards are allowed. */
  readonly subject: string;
  /** The lowest sequence that may be in the page. */
  readonly from: number;
  readonly maxMessages: number;
  readonly maxBytes: number;
}

export interface SubjectPage {
  readonly messages: readonly StoredMessage[];
  /** Whether the replica that answered has more messages. */
  readonly more: boolean;
}

/**
 * Reads one page of a subject's messages in one round trip (a batched direct get). The replica that answers may be
 * behind: its messages are in order, but it may lack the latest ones, and still have some that were deleted.
 * @throws ThroughlineError or an error of the NATS client
 */
export async function readPage(
  jetStream: JetStream,
  stream: string,
  { subject, from, maxMessages, maxBytes }: SubjectPageQuery,
): Promise<SubjectPage> {
  const messages: StoredMessage[] = [];
  let end: Msg['headers'];
  const query = { seq: from, next_by_subj: subject, batch: maxMessages, max_bytes: maxBytes };
  await jetStream.directGet(stream, query, (message) => {
    if (message.headers?.code) end = message.headers;
    else messages.push(storedMessage(message));
    return end !== undefined;
  });
  if (end !== undefined && end.code !== NOT_FOUND && end.code !== END_OF_BATCH) throw statusError(end);
  return { messages, more: Number(end?.get('Nats-Num-Pending')) > 0 };
}

/** A message of a direct get. The server says in headers where it is stored. */
function storedMessage({ headers, data }: Msg): StoredMessage {
  const said = (name: string): string => headers?.values(name).at(-1) ?? '';
  return {
    subject: said('Nats-Subject'),
    sequence: Number(said('Nats-Sequence')),
    time: new Date(said('Nats-Time-Stamp')),
    headers,
    data,
  };
}
