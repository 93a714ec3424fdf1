import type { HistoryEvent } from '../shared/api/answers/job-history.ts';
import { isCallbackEvent, isTerminalEvent } from '../shared/job/job-state.ts';
import { parseJson } from '../shared/text/json/parse-json.ts';
import { isHistoryEvent } from './answers.ts';
import type { StreamMessage } from './event-stream.ts';
import type { Patience } from './patience.ts';

/**
 * Opens an event stream after an event. `over`: the job has ended and there are no more events.
 * @param onId gets each id that the stream sends, also one without an event
 */
type Connect = (
  lastId: string | undefined,
  onId: (id: string) => void,
) => Promise<AsyncIterable<StreamMessage> | 'over'>;

/** A connection that lasted for so long worked: it is not one more failure in a row. */
const STEADY_MS = 10_000;

/** How far the events have been read. */
interface Position {
  lastId: string | undefined;
  /** Whether the last event ended the job. */
  ended: boolean;
}

/**
 * Gives the events of a job until its end. When a connection breaks, the next one starts after the last event.
 * @throws ApiError or NoAnswerError when the API refuses or stops answering; the reason of the signal when it aborts
 */
export async function* watchEvents(
  connect: Connect,
  lastEventId: string | undefined,
  patience: Patience,
): AsyncGenerator<HistoryEvent> {
  const position: Position = { lastId: lastEventId, ended: false };
  // The id at the start of a stream, before any event. With it the API knows a reader that comes again.
  const onId = (id: string): void => {
    position.lastId ??= id;
  };
  for (;;) {
    // A connection that is refused, or not answered, has not worked, however long that takes.
    let openedAt = Number.POSITIVE_INFINITY;
    try {
      const messages = await connect(position.lastId, onId);
      if (messages === 'over') return;
      openedAt = performance.now();
      for await (const event of eventsOf(messages, position)) {
        patience.reset();
        yield event;
      }
      // A redriven job has an end in the middle of its events. So the end counts only when the API closes the stream.
      if (position.ended) return;
      await patience.next();
    } catch (thrown) {
      if (performance.now() - openedAt > STEADY_MS) patience.reset();
      await patience.afterFailure(thrown);
    }
  }
}

async function* eventsOf(
  messages: AsyncIterable<StreamMessage>,
  position: Position,
): AsyncGenerator<HistoryEvent> {
  for await (const { id, data } of messages) {
    position.lastId = id;
    const event = parseJson(data);
    if (!isHistoryEvent(event)) continue;
    if (!isCallbackEvent(event)) position.ended = isTerminalEvent(event);
    yield event;
  }
}
