import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readEventStream, type StreamMessage } from '../../../client/event-stream.ts';

async function* chunks(...parts: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield typeof part === 'string' ? new TextEncoder().encode(part) : part;
}

async function read(...parts: (string | Uint8Array)[]): Promise<StreamMessage[]> {
  const messages: StreamMessage[] = [];
  for await (const message of readEventStream(chunks(...parts))) messages.push(message);
  return messages;
}

/** Bytes of the parts of an event stream, in any order. */
const STREAM = fc
  .array(fc.constantFrom('\n', '\r', '\r\n', 'data', 'id', 'event', ':', ' ', 'x', '\n\ndata:', 'é'), {
    maxLength: 60,
  })
  .map((parts) => parts.join(''));

describe('reading an event stream', () => {
  it.each<[string, string, unknown[]]>([
    ['a message', 'id: 7\nevent: started\ndata: {}\n\n', [{ id: '7', event: 'started', data: '{}' }]],
    ['no space after the colon', 'id:7\ndata:x\n\n', [{ id: '7', event: 'message', data: 'x' }]],
    ['lines that end with CR LF', 'id: 7\r\ndata: x\r\n\r\n', [{ id: '7', event: 'message', data: 'x' }]],
    ['data of several lines', 'data: a\ndata: b\n\n', [{ id: '', event: 'message', data: 'a\nb' }]],
    ['lines that end with CR', 'id: 7\rdata: x\r\r', [{ id: '7', event: 'message', data: 'x' }]],
    ['a byte order mark', '\uFEFFdata: x\n\n', [{ id: '', event: 'message', data: 'x' }]],
    ['a value with a colon and spaces', 'data:  a: b\n\n', [{ id: '', event: 'message', data: ' a: b' }]],
    ['a field without a value', 'data\n\n', [{ id: '', event: 'message', data: '' }]],
    ['a line separator of Unicode', 'data: a\u2028b\n\n', [{ id: '', event: 'message', data: 'a\u2028b' }]],
    [
      'an id with a NUL, which does not count',
      'id: 7\nid: a\0b\ndata: x\n\n',
      [{ id: '7', event: 'message', data: 'x' }],
    ],
    [
      'a kind that holds for one message',
      'event: a\ndata: x\n\ndata: y\n\n',
      [
        { id: '', event: 'a', data: 'x' },
        { id: '', event: 'message', data: 'y' },
      ],
    ],
    ['a comment', ':\n\n: hello\n\n', []],
    ['unknown fields, and no data', 'retry: 1000\nother\nevent: x\n\n', []],
    [
      'a message without an end',
      'id: 7\ndata: x\n\nid: 8\ndata: y\n',
      [{ id: '7', event: 'message', data: 'x' }],
    ],
    [
      'a message without an id, which has the one of the message before it',
      'id: 7\ndata: x\n\ndata: y\n\n',
      [
        { id: '7', event: 'message', data: 'x' },
        { id: '7', event: 'message', data: 'y' },
      ],
    ],
  ])('understands %s', async (_what, text, messages) => {
    expect(await read(text)).toEqual(messages);
  });

  it.each([
    ['a line', ''],
    ['a message of many lines', '\n'],
  ])('fails when %s is too long', async (_what, end) => {
    const endless = Array.from({ length: 80 }, () => `data: ${'x'.repeat(64 * 1024)}${end}`);
    await expect(read(...endless)).rejects.toMatchObject({ code: 'answer-invalid' });
  });

  it('agrees with another parser about every stream', async () => {
    await fc.assert(
      fc.asyncProperty(STREAM, async (text) => {
        const expected: unknown[] = [];
        const parser = createParser({
          onEvent: ({ event = 'message', data }) => expected.push({ event, data }),
        });
        parser.feed(text);
        expect((await read(text)).map(({ event, data }) => ({ event, data }))).toEqual(expected);
      }),
      { numRuns: 2_000 },
    );
  });

  it('gives the same messages however the bytes are cut', async () => {
    const text =
      'retry: 1\r\n\r\ndata: c\r\rdata: d\r\n\nid: 1\r\nevent: a\r\ndata: é🧵\r\n\r\n:\r\n\r\nid: 2\ndata: b\n\n';
    const bytes = new TextEncoder().encode(text);
    const whole = await read(bytes);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.nat(bytes.length)), async (cuts) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
        const parts = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
        expect(await read(...parts)).toEqual(whole);
      }),
    );
  });
});
