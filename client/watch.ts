import * as z from 'zod';
import { isCallbackEvent } from '../shared/job/callback-event.ts';
import { isTerminalEvent } from '../shared/job/event.ts';
import { type HistoryEvent, RecordedCallbackEvent, RecordedEvent } from '../shared/job/event-record.ts';
import { parseJson } from '../shared/text/json.ts';
import { ApiError, NoAnswerError } from './errors.ts';
import type { StreamMessage } from './event-stream.ts';
import { pause, pollDelays } from './poll.ts';

/** How often in a row the API may fail before watching ends with an error. It may be away for a deployment. */
const MAX_FAILURES = 5;

/** Fields that a later version of the API adds to an event are kept. */
const EventData = z.union([RecordedEvent.loose(), RecordedCallbackEvent.loose()]);

/** Opens an event stream after an event. `over`: the job has ended and there are no more events. */
type Connect = (lastId: string | undefined) => Promise<AsyncIterable<StreamMessage> | 'over'>;

/** How far the events have been read. */
interface Position {
  lastId: string | undefined;
  /** Whether the last event ended the job. */
  ended: boolean;
}

/**
 * Gives the events of a job until its end. When a connection breaks, the next one starts after the last event.
 * @throws ApiError or NoAnswerError when the API refuses or stops answering; the reason of `signal` when it aborts
 */
export async function* watchEvents(
  connect: Connect,
  lastEventId: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<HistoryEvent> {
  const position: Position = { lastId: lastEventId, ended: false };
  let failures = 0;
  let delays = pollDelays();
  for (;;) {
    const before = position.lastId;
    try {
      const events = await connect(position.lastId);
      if (events === 'over') return;
      yield* eventsOf(events, position);
      // A redriven job has an end in the middle of its events. So the end counts only when the API closes the stream.
      if (position.ended) return;
    } catch (thrown) {
      if (!isTransient(thrown) || ++failures > MAX_FAILURES) throw thrown;
    }
    if (position.lastId !== before) {
      failures = 0;
      delays = pollDelays();
    }
    await pause(delays.next().value, signal);
  }
}

async function* eventsOf(
  messages: AsyncIterable<StreamMessage>,
  position: Position,
): AsyncGenerator<HistoryEvent> {
  for await (const { id, data } of messages) {
    const event = readEvent(data);
    position.lastId = id;
    if (event === undefined) continue;
    if (!isCallbackEvent(event)) position.ended = isTerminalEvent(event);
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
