import { describe, expect, it } from 'vitest';
import { eventStream } from '../../../edge/watch/event-stream.ts';
import { EventTexts } from '../../../edge/watch/event-texts.ts';
import type { JobWatch, WatchRead } from '../../../edge/watch/job-watch.ts';
import type { HistoryEvent } from '../../../shared/api/answers/job-history.ts';

const event = (id: number, text: string) =>
  ({ id: String(id), kind: 'progress', result: text }) as unknown as HistoryEvent;

const HEARTBEAT_MS = 50;

/** Streams over one watch, whose readers get the same events. */
function setup(events: readonly HistoryEvent[]) {
  let sealed = 0;
  const watch = {
    texts: new EventTexts(),
    read: async (after: number): Promise<WatchRead> => ({
      events: events.slice(after),
      upTo: events.length,
      ended: after >= events.length,
    }),
  } as unknown as JobWatch;
  const open = (lost = new AbortController().signal) =>
    eventStream({ watch, release: () => undefined, lost }, 0, HEARTBEAT_MS, {
      event: async (one) => {
        sealed++;
        return { ...one, id: `sealed-${one.id}` } as HistoryEvent;
      },
      place: async () => 'place',
    });
  return { open, sealed: () => sealed };
}

/** A reader that has read once, and then gave its place away. */
async function readerWithoutPlace() {
  const lost = new AbortController();
  const reader = setup([event(1, 'a')])
    .open(lost.signal)
    .getReader();
  await reader.read();
  lost.abort();
  return reader;
}

async function chunksOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

describe('the event streams of a job', () => {
  it('A32: encode each event once, for all readers together', async () => {
    const { open, sealed } = setup([event(1, 'a'), event(2, 'b'), event(3, 'c')]);
    const texts = await Promise.all(
      Array.from({ length: 20 }, async () => Buffer.concat(await chunksOf(open())).toString()),
    );
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]?.match(/^id: .*$/gm)).toEqual([
      'id: place',
      'id: sealed-1',
      'id: sealed-2',
      'id: sealed-3',
    ]);
    expect(sealed()).toBe(3);
  });

  it('A32: take small steps through a large event, and miss nothing of it', async () => {
    const events = [
      event(1, 'é'.repeat(100_000)),
      ...Array.from({ length: 300 }, (_, n) => event(n + 2, 'x')),
    ];
    const chunks = await chunksOf(setup(events).open());
    expect(Math.max(...chunks.map(({ length }) => length))).toBe(32 * 1024);
    const text = Buffer.concat(chunks).toString();
    const data = [...text.matchAll(/^data: (.*)$/gm)].map(([, json = '']) => JSON.parse(json).result);
    expect(data).toEqual(events.map((one) => (one as unknown as { result: string }).result));
    // Small events go together.
    expect(chunks.length).toBeLessThan(20);
  });

  it('read only as fast as their readers', async () => {
    const { open, sealed } = setup([event(1, 'x'.repeat(100_000)), event(2, 'b')]);
    const reader = open().getReader();
    expect(sealed()).toBe(0);
    await reader.read();
    await reader.read();
    expect(sealed()).toBe(1);
    await reader.cancel();
  });

  it('come to an orderly end when a reader that is between two reads gives its place away', async () => {
    const reader = await readerWithoutPlace();
    const left: unknown[] = [];
    for (let step = await reader.read(); !step.done; step = await reader.read()) left.push(step.value);
    expect(left.length).toBeLessThan(2);
  });

  it('are cut when a reader that does not read gives its place away', async () => {
    const reader = await readerWithoutPlace();
    await expect(reader.closed).rejects.toThrow('the reader has come again');
  });
});
