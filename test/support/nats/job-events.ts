import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { JobEvent } from '../../../shared/job/event.ts';
import { EVENTS_STREAM } from '../../../shared/nats/streams.ts';
import { readJobEvent } from '../../../shared/wire/event-message.ts';

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
