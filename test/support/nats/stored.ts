import { jetstream, jetstreamManager, type StoredMsg } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import type { JobEvent } from '../../../shared/job/event.ts';
import { EVENTS_STREAM } from '../../../shared/nats/streams.ts';
import { readJobEvent } from '../../../shared/wire/event-message.ts';
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

/** Every event in `EVENTS`, by job, in their order in the stream. */
export async function eventsByJob(nats: NatsConnection): Promise<Map<string, JobEvent[]>> {
  const manager = await jetstreamManager(nats);
  const { state } = await manager.streams.info(EVENTS_STREAM);
  const consumer = await jetstream(nats).consumers.get(EVENTS_STREAM);
  const events = new Map<string, JobEvent[]>();
  let left = state.messages;
  while (left > 0) {
    for await (const message of await consumer.fetch({
      max_messages: Math.min(left, 5_000),
      expires: 5_000,
    })) {
      left--;
      const event = readJobEvent(message.data);
      if (event !== undefined) events.set(event.jobId, [...(events.get(event.jobId) ?? []), event]);
    }
  }
  return events;
}
