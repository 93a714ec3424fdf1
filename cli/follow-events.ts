import * as z from 'zod';
import { isCallbackEvent } from '../shared/callback-event.ts';
import { isTerminalEvent } from '../shared/event.ts';
import { type HistoryEvent, RecordedCallbackEvent, RecordedEvent } from '../shared/event-record.ts';
import type { ApiClient } from './api-client.ts';
import { EXIT, exitCodeOf } from './exit-code.ts';
import { pause, pollDelays } from './poll.ts';

/** An API that answered before may fail this many times in a row: it is being deployed, say. */
const MAX_FAILURES = 5;

/** What a later version of the API says more of an event is kept. */
const EventData = z.union([RecordedEvent.loose(), RecordedCallbackEvent.loose()]);

/** How following a job came to its end: the job has ended, time was up, or this API has no event streams. */
export type FollowEnd = 'ended' | 'late' | 'no-stream';

export interface FollowOptions {
  readonly api: ApiClient;
  /** Ctrl-C. */
  readonly signal: AbortSignal;
  /** Aborts when time is up. */
  readonly late: AbortSignal;
  readonly onEvent: (event: HistoryEvent) => void;
}

/**
 * Follows a job by its event stream, over any number of connections: each goes on behind the last event that came.
 * @throws ApiError or CliError when the API refuses, or does not answer any more; what `signal` aborts with
 */
export async function followEvents(id: string, options: FollowOptions): Promise<FollowEnd> {
  const { signal, late } = options;
  const place: Place = { lastId: undefined };
  let failures = 0;
  let delays = pollDelays();
  for (;;) {
    const before = place.lastId;
    try {
      const end = await followOnce(id, place, options);
      if (end !== 'cut') return end;
    } catch (thrown) {
      if (late.aborted && !signal.aborted) return 'late';
      const transient = exitCodeOf(thrown) === EXIT.unavailable.code;
      if (!transient || ++failures > MAX_FAILURES) throw thrown;
    }
    if (place.lastId !== before) {
      failures = 0;
      delays = pollDelays();
    }
    await pause(delays.next().value, AbortSignal.any([signal, late])).catch(() => signal.throwIfAborted());
    if (late.aborted) return 'late';
  }
}

/** How far one has come. */
interface Place {
  lastId: string | undefined;
}

async function followOnce(
  id: string,
  place: Place,
  { api, late, onEvent }: FollowOptions,
): Promise<FollowEnd | 'cut'> {
  const events = await api.events(id, place.lastId, late);
  if (events === 'none') return 'no-stream';
  if (events === 'over') return 'ended';
  let ended = false;
  // A job that was sent round again has an end in the midst of its events: the API knows which is the last.
  for await (const { id: eventId, data } of events) {
    const event = readEvent(data);
    place.lastId = eventId;
    if (event === undefined) continue;
    onEvent(event);
    if (!isCallbackEvent(event)) ended = isTerminalEvent(event);
  }
  return ended ? 'ended' : 'cut';
}

function readEvent(data: string): HistoryEvent | undefined {
  try {
    return EventData.safeParse(JSON.parse(data)).data;
  } catch {
    return undefined;
  }
}
