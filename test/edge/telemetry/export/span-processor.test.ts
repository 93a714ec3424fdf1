import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it } from 'vitest';
import { ids, immediate, setup, span, spans, TRACE_ID, turn, WINDOW_MS } from './span-processor-support.ts';

describe('the queue', () => {
  it('keeps no span that is not sampled', async () => {
    const { processor, dropped, batches } = immediate();
    for (const flags of [0, 2]) processor.onEnd(span(TRACE_ID, flags));
    expect([processor.queued, dropped()]).toEqual([0, 0]);
    await processor.forceFlush();
    expect(batches).toEqual([]);
  });

  it('keeps a sampled span, whatever its other flags', () => {
    const { processor } = immediate();
    for (const flags of [1, 3]) processor.onEnd(span(TRACE_ID, flags));
    expect(processor.queued).toBe(2);
  });

  it('never grows beyond its limit, and counts the spans that it drops', async () => {
    const { processor, dropped, end, sent } = immediate({ options: { maxQueueSize: 25 } });
    const all = spans(40);
    end(all);
    expect([processor.queued, dropped()]).toEqual([25, 15]);
    await processor.forceFlush();
    expect(ids(sent())).toEqual(ids(all.slice(0, 25)));
    end(spans(1));
    expect([processor.queued, dropped()]).toEqual([1, 15]);
  });
});

describe('a flush', () => {
  it('without spans opens no window', async () => {
    const { processor, windows } = setup();
    await processor.forceFlush();
    expect(windows).toEqual([]);
  });

  it('waits for its window, and also sends the spans that ended meanwhile', async () => {
    const { processor, windows, end, sent, batches } = setup();
    const first = span();
    const second = span();
    end([first]);
    const flushed = processor.forceFlush();
    expect(windows.map(({ ms }) => ms)).toEqual([WINDOW_MS]);
    expect(batches).toEqual([]);
    end([second]);
    windows[0]?.end();
    await flushed;
    expect(batches).toHaveLength(1);
    expect(ids(sent())).toEqual(ids([first, second]));
  });

  it('during the window of another does nothing, and one export has all spans', async () => {
    const { processor, windows, clock, end, sent, batches } = setup();
    const all = spans(4);
    end(all.slice(0, 2));
    const first = processor.forceFlush();
    clock.now += WINDOW_MS / 2;
    end(all.slice(2));
    await processor.forceFlush();
    expect(windows).toHaveLength(1);
    windows[0]?.end();
    await first;
    expect(batches).toHaveLength(1);
    expect(ids(sent())).toEqual(ids(all));
  });

  it('sends batches of the configured size', async () => {
    const { processor, end, batches } = immediate();
    end(spans(25));
    await processor.forceFlush();
    expect(batches.map(({ length }) => length)).toEqual([10, 10, 5]);
  });

  it('ends only when its export has ended, so that waitUntil covers it', async () => {
    const answer = Promise.withResolvers<{ lost: number }>();
    const { processor, end } = immediate({ send: () => answer.promise });
    end(spans(1));
    let ended = false;
    const flushed = processor.forceFlush().then(() => {
      ended = true;
    });
    await turn();
    expect(ended).toBe(false);
    answer.resolve({ lost: 0 });
    await flushed;
    expect(ended).toBe(true);
  });

  it('goes on with what ended during its export, so that no span waits for the next request', async () => {
    const answers = [Promise.withResolvers<{ lost: number }>(), Promise.withResolvers<{ lost: number }>()];
    let asked = 0;
    const { processor, end, sent } = immediate({
      send: () => answers[asked++]?.promise ?? Promise.resolve({ lost: 0 }),
    });
    const all = spans(3);
    end(all.slice(0, 1));
    const flushed = processor.forceFlush();
    await turn();
    end(all.slice(1));
    await processor.forceFlush();
    expect(sent()).toHaveLength(1);
    for (const { resolve } of answers) resolve({ lost: 0 });
    await flushed;
    expect(ids(sent())).toEqual(ids(all));
  });

  it('of many concurrent requests sends every span exactly once', async () => {
    const { processor, dropped, end, sent } = immediate({
      options: { maxQueueSize: 100_000, wait: () => new Promise((resolve) => setImmediate(resolve)) },
    });
    const all: ReadableSpan[] = [];
    const request = async (steps: number): Promise<void> => {
      for (let step = 0; step < steps; step++) {
        const own = spans(1 + (step % 3));
        all.push(...own);
        end(own);
        if (step % 2 === 0) await turn();
      }
      await processor.forceFlush();
    };
    await Promise.all(Array.from({ length: 200 }, (_, index) => request(1 + (index % 7))));
    await processor.forceFlush();
    expect(ids(sent())).toEqual(ids(all));
    expect([processor.queued, dropped()]).toEqual([0, 0]);
  });

  it('sends each span once, also for concurrent requests of one trace', async () => {
    const { processor, end, sent } = immediate();
    const requests = Array.from({ length: 10 }, () => spans(3));
    await Promise.all(
      requests.map(async (own) => {
        end(own);
        await processor.forceFlush();
      }),
    );
    expect(new Set(sent().map((one) => one.spanContext().traceId))).toEqual(new Set([TRACE_ID]));
    expect(ids(sent())).toEqual(ids(requests.flat()));
  });
});

describe('a flush whose request was cut off', () => {
  it('is taken over after its window and a grace period, and no span is lost or sent twice', async () => {
    const { processor, windows, clock, end, sent } = setup();
    const lost = span();
    const waiting = span();
    const late = span();
    end([lost]);
    void processor.forceFlush();
    clock.now += WINDOW_MS + 999;
    end([waiting]);
    await processor.forceFlush();
    expect(windows).toHaveLength(1);

    clock.now += 1;
    const takenOver = processor.forceFlush();
    expect(windows).toHaveLength(2);
    end([late]);
    windows[1]?.end();
    await takenOver;
    expect(ids(sent())).toEqual(ids([lost, waiting, late]));
  });

  it('may still wake up late, and then sends the spans that are there once', async () => {
    const { processor, windows, clock, end, sent } = setup();
    const all = spans(3);
    end(all.slice(0, 1));
    const slow = processor.forceFlush();
    clock.now += WINDOW_MS + 1_000;
    end(all.slice(1, 2));
    const takenOver = processor.forceFlush();
    windows[0]?.end();
    await slow;
    end(all.slice(2));
    const third = processor.forceFlush();
    for (const { end: pass } of windows) pass();
    await Promise.all([takenOver, third]);
    expect(ids(sent())).toEqual(ids(all));
    expect(processor.queued).toBe(0);
  });

  it('does not stop the next window once it has ended', async () => {
    const { processor, windows, end, batches } = setup();
    for (let round = 0; round < 3; round++) {
      end(spans(1));
      const flushed = processor.forceFlush();
      windows[round]?.end();
      await flushed;
    }
    expect(batches).toHaveLength(3);
  });
});
