import { jetstreamManager, type StoredMsg } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { TestStack } from '../stack.ts';

type Source = Pick<TestStack, 'nats'>;

/** How many messages a stream has stored so far. */
export async function storedCount({ nats }: Source, stream = 'JOBS'): Promise<number> {
  const connection = await connect({ servers: nats.url });
  try {
    return (await (await jetstreamManager(connection)).streams.info(stream)).state.last_seq;
  } finally {
    await connection.close();
  }
}

/**
 * The last message on `subject` of a stream. The queue removes a job that is settled: read it before that, or read a
 * delayed job.
 */
export async function storedMessage({ nats }: Source, stream: string, subject: string): Promise<StoredMsg> {
  const connection = await connect({ servers: nats.url });
  try {
    const message = await (await jetstreamManager(connection)).streams.getMessage(stream, {
      last_by_subj: subject,
    });
    if (message === null) throw new Error(`${stream} holds nothing on ${subject}`);
    return message;
  } finally {
    await connection.close();
  }
}
