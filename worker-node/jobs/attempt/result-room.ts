import type { CallbackPublisher } from '../../broker/callbacks/callback-publisher.ts';
import { type EventPublisher, outgoingEvent } from '../../broker/event-publisher.ts';
import type { StoredPublisher } from '../../broker/stored-publisher.ts';
import { type Attempt, eventOf } from './attempt.ts';

/** The times in an event, and the numbers in its headers, may have some more digits later. */
const SPARE_BYTES = 256;

export interface RoomParts {
  readonly events: EventPublisher;
  readonly callbacks: CallbackPublisher;
  readonly publisher: StoredPublisher;
  readonly worker: string;
}

/**
 * How many bytes of JSON the result of an attempt may have, so that NATS takes the event with it, and the callback. It
 * depends on the server (`max_payload`) and on the job, whose baggage and callback travel in the headers.
 */
export function roomForResultOf(
  { events, callbacks, publisher, worker }: RoomParts,
  attempt: Attempt,
): number {
  const event = eventOf(attempt, 'succeeded', worker, { result: null });
  const outgoing = outgoingEvent(attempt.job.address.tenant, event);
  const used = Math.max(events.sizeOf(outgoing), callbacks.sizeOf(attempt.job, event));
  return publisher.maxPayload - used - SPARE_BYTES;
}
