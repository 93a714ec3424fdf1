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
/** A field of a message: its name, and its value after a colon and a space. */
const FIELD = /^([^:]*):? ?(.*)/s;

/**
 * Reads the messages of `text/event-stream` (HTML standard, "Server-sent events", 9.2.6). Comments are left out, and so is
 * a message whose end does not come.
 * @param onId gets each id, also that of a message without data: it is where the stream goes on after a cut
 * @throws what the body throws when the connection breaks; NoAnswerError `answer-invalid` when a message is too long
 */
export async function* readEventStream(
  body: AsyncIterable<Uint8Array>,
  onId: (id: string) => void = () => undefined,
): AsyncGenerator<StreamMessage> {
  let id = '';
  let event = '';
  let data: string | undefined;
  for await (const line of linesOf(body)) {
    const [, name, value = ''] = FIELD.exec(line) ?? [];
    if (line === '') {
      if (data !== undefined) yield { id, event: event || 'message', data };
      event = '';
      data = undefined;
    } else if (name === 'id' && !value.includes('\0')) {
      id = value;
      onId(id);
    } else if (name === 'event') event = value;
    else if (name === 'data') data = checkLength(data === undefined ? value : `${data}\n${value}`);
  }
}

/** The lines of a body. They end with CR, LF or both; a last line without an end is left out. */
async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  // It also takes the byte order mark away.
  const decoder = new TextDecoder();
  let rest = '';
  let isAfterCr = false;
  for await (const bytes of body) {
    const chunk = decoder.decode(bytes, { stream: true });
    if (chunk === '') continue;
    const [first = '', ...lines] = (isAfterCr ? chunk.replace(/^\n/, '') : chunk).split(/\r\n?|\n/);
    isAfterCr = chunk.endsWith('\r');
    lines.unshift(rest + first);
    rest = checkLength(lines.pop() ?? '');
    yield* lines;
  }
}

function checkLength(text: string): string {
  if (text.length <= MAX_MESSAGE_LENGTH) return text;
  throw new NoAnswerError('answer-invalid', 'a message of the event stream is too long');
}
