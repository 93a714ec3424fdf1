import * as z from 'zod';
import { isCallbackEvent } from '../shared/job/callback-event.ts';
import { isTerminalEvent } from '../shared/job/event.ts';
import { type HistoryEvent, RecordedCallbackEvent, RecordedEvent } from '../shared/job/event-record.ts';
import { parseJson } from '../shared/text/json.ts';
import { ApiError } from './api-error.ts';
import type { StreamMessage } from './event-stream.ts';
import { NoAnswerError } from './no-answer-error.ts';
import { pause, pollDelays } from './poll.ts';

/** An API that answered before may fail this many times in a row: it is being deployed, say. */
const MAX_FAILURES = 5;

/** What a later version of the API says more of an event is kept. */
const EventData = z.union([RecordedEvent.loose(), RecordedCallbackEvent.loose()]);

/** Opens an event stream behind an event; `over`: the job has ended, and all was told. */
export type Connect = (lastId: string | undefined) => Promise<AsyncIterable<StreamMessage> | 'over'>;

/** How far one has come. */
interface Place {
  lastId: string | undefined;
  /** Whether the last event ended the job. */
  ended: boolean;
}

/**
 * The events of a job until its end, over any number of connections: each goes on behind the last event that came.
 * @throws ApiError or NoAnswerError when the API refuses, or does not answer any more; what `signal` aborts with
 */
export async function* watchEvents(
  connect: Connect,
  lastEventId: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<HistoryEvent> {
  const place: Place = { lastId: lastEventId, ended: false };
  let failures = 0;
  let delays = pollDelays();
  for (;;) {
    const before = place.lastId;
    try {
      const events = await connect(place.lastId);
      if (events === 'over') return;
      yield* eventsOf(events, place);
      // A job that was redriven has an end in the midst of its events: the API knows which is the last.
      if (place.ended) return;
    } catch (thrown) {
      if (!isTransient(thrown) || ++failures > MAX_FAILURES) throw thrown;
    }
    if (place.lastId !== before) {
      failures = 0;
      delays = pollDelays();
    }
    await pause(delays.next().value, signal);
  }
}

async function* eventsOf(messages: AsyncIterable<StreamMessage>, place: Place): AsyncGenerator<HistoryEvent> {
  for await (const { id, data } of messages) {
    const event = readEvent(data);
    place.lastId = id;
    if (event === undefined) continue;
    if (!isCallbackEvent(event)) place.ended = isTerminalEvent(event);
    yield event;
  }
}

function isTransient(thrown: unknown): boolean {
  if (thrown instanceof ApiError) return thrown.status >= 500;
  return thrown instanceof NoAnswerError && thrown.code !== 'no-stream';
}

function readEvent(data: string): HistoryEvent | undefined {
  return EventData.safeParse(parseJson(data)).data;
}
