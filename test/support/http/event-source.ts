import { readEventStream } from '../../../client/event-stream.ts';
import { RecordedEvent } from '../../../shared/api/answers/job-history.ts';
import type { TestStack } from '../stack.ts';
import { contract } from './contract.ts';

/** One connection to a job's event stream. */
export interface Connection extends AsyncIterable<RecordedEvent> {
  readonly response: Response;
  /** Drops the connection, as a client does that goes away. */
  readonly drop: () => void;
}

/** Connects to a job's event stream, after the event `lastId`. */
export async function connectEvents(stack: TestStack, jobId: string, lastId?: string): Promise<Connection> {
  const cut = new AbortController();
  const response = await stack.call(`/v1/jobs/${jobId}/events`, {
    headers: { accept: 'text/event-stream', ...(lastId === undefined ? {} : { 'last-event-id': lastId }) },
    signal: cut.signal,
  });
  async function* events(): AsyncGenerator<RecordedEvent> {
    for await (const message of readEventStream(response.body ?? new ReadableStream())) {
      if (message === undefined) continue;
      contract.checkEvent(message.data);
      const event = RecordedEvent.parse(JSON.parse(message.data));
      if (message.id !== event.id || message.event !== event.kind) throw new Error(JSON.stringify(message));
      yield event;
    }
  }
  const iterator = events();
  return { response, drop: () => cut.abort(), [Symbol.asyncIterator]: () => iterator };
}

/** Every event that a connection gives until the server ends it. */
export async function allOf(connection: Connection): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const event of connection) events.push(event);
  return events;
}
