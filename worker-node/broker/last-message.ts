import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import { API_CODE } from '../../shared/nats/api-error.ts';
import { ifThere } from './connection/api-error.ts';

/** The last message on a subject; undefined if there is none. @throws whatever the NATS client throws */
export async function lastMessage(
  manager: JetStreamManager,
  stream: string,
  subject: string,
): Promise<StoredMsg | undefined> {
  const asked = manager.streams.getMessage(stream, { last_by_subj: subject });
  return (await ifThere(asked, API_CODE.messageNotFound)) ?? undefined;
}

/** How many messages are asked for at the same time. All hosts that start together ask, and JetStream's API has a queue. */
const AT_ONCE = 16;

/**
 * The last message on each subject of a stream.
 * @param filter which subjects
 * @throws whatever the NATS client throws
 */
export async function* lastMessages(
  manager: JetStreamManager,
  stream: string,
  filter: string,
): AsyncGenerator<StoredMsg> {
  const { state } = await manager.streams.info(stream, { subjects_filter: filter });
  const subjects = Object.keys(state.subjects ?? {});
  for (let from = 0; from < subjects.length; from += AT_ONCE) {
    const asked = subjects.slice(from, from + AT_ONCE);
    const messages = await Promise.all(asked.map((subject) => lastMessage(manager, stream, subject)));
    yield* messages.filter((message) => message !== undefined);
  }
}
