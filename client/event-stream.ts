import { createParser } from 'eventsource-parser';
import { NoAnswerError } from './errors.ts';

/** One message of `text/event-stream`. */
export interface StreamMessage {
  /** The last id so far: the one of this message or, if it has none, of a message before it. */
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/** The most characters of one message. No event of a job is as long. */
const MAX_MESSAGE_LENGTH = 4 * 1024 * 1024;

/**
 * Reads the messages of `text/event-stream` (HTML standard, "Server-sent events"). Comments are left out, and so is a
 * message whose end does not come.
 * @param onId gets each id, also that of a message without data: it is where the stream goes on after a cut
 * @throws what the body throws when the connection breaks; NoAnswerError `answer-invalid` when a message is too long
 */
export async function* readEventStream(
  body: AsyncIterable<Uint8Array>,
  onId: (id: string) => void = () => undefined,
): AsyncGenerator<StreamMessage> {
  let lastId = '';
  const messages: StreamMessage[] = [];
  const parser = createParser({
    maxBufferSize: MAX_MESSAGE_LENGTH,
    onId: (id) => {
      lastId = id;
      onId(id);
    },
    onEvent: ({ event = 'message', data }) => messages.push({ id: lastId, event, data }),
    onError: ({ type, message }) => {
      if (type === 'max-buffer-size-exceeded') throw tooLong(message);
    },
  });
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    yield* messages.splice(0);
  }
}

function tooLong(message: string): NoAnswerError {
  return new NoAnswerError('answer-invalid', `a message of the event stream is too long: ${message}`);
}
