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

/**
 * The last message on each subject of a stream.
 * @param filter which subjects
 * @throws whatever the NATS client throws
 */
export async function lastMessages(
  manager: JetStreamManager,
  stream: string,
  filter: string,
): Promise<StoredMsg[]> {
  const { state } = await manager.streams.info(stream, { subjects_filter: filter });
  const subjects = Object.keys(state.subjects ?? {});
  const messages = await Promise.all(subjects.map((subject) => lastMessage(manager, stream, subject)));
  return messages.filter((message) => message !== undefined);
}
