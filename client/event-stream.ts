/** One message of `text/event-stream`. */
export interface StreamMessage {
  /** The last id that was sent, with this message or before it. */
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/** A message longer than this is no event of a job. */
const MAX_MESSAGE_LENGTH = 4 * 1024 * 1024;

/**
 * Reads `text/event-stream` (HTML standard, "Server-sent events"). A comment gives undefined, so that whoever reads
 * knows that the other side is there.
 * @throws what the body throws when it is cut; RangeError when a message has no end
 */
export async function* readEventStream(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<StreamMessage | undefined> {
  let id = '';
  let event = '';
  let data: string[] = [];
  for await (const line of linesOf(body)) {
    if (line === '') {
      if (data.length > 0) yield { id, event: event || 'message', data: data.join('\n') };
      event = '';
      data = [];
      continue;
    }
    const { field, value } = fieldOf(line);
    if (field === '') yield undefined;
    else if (field === 'id' && !value.includes('\0')) id = value;
    else if (field === 'event') event = value;
    else if (field === 'data') data.push(value);
  }
}

function fieldOf(line: string): { readonly field: string; readonly value: string } {
  const colon = line.indexOf(':');
  if (colon === -1) return { field: line, value: '' };
  return { field: line.slice(0, colon), value: line.slice(colon + 1).replace(/^ /, '') };
}

/** Lines end with CR LF, LF or CR; what has no end yet waits for it, and is dropped where none comes. */
async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    // A CR at the very end may be the first half of a CR LF.
    for (let end = LINE_END.exec(rest); end !== null; end = LINE_END.exec(rest)) {
      yield rest.slice(0, end.index);
      rest = rest.slice(end.index + end[0].length);
    }
    if (rest.length > MAX_MESSAGE_LENGTH) throw new RangeError('a line of the event stream has no end');
  }
}

const LINE_END = /\r\n|\n|\r(?!$)/;
