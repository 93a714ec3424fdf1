import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Attributes, type Context, ROOT_CONTEXT, TraceFlags } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it, vi } from 'vitest';
import type { Logger } from '../../../edge/telemetry/log.ts';
import { LostSpans } from '../../../edge/telemetry/lost-spans.ts';
import { withService } from '../../../edge/telemetry/service.ts';
import {
  EdgeSpanProcessor,
  type SendSpans,
  type SpanProcessorOptions,
} from '../../../edge/telemetry/span-processor.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const WINDOW_MS = 50;

let made = 0;

/** An ended span: what the processor looks at. */
function span(
  traceId = TRACE_ID,
  traceFlags: number = TraceFlags.SAMPLED,
  attributes: Attributes = {},
): ReadableSpan {
  const spanId = (++made).toString(16).padStart(16, '0');
  const context = { traceId, spanId, traceFlags };
  return { name: 'it', spanContext: () => context, attributes } as unknown as ReadableSpan;
}

const spans = (count: number): ReadableSpan[] => Array.from({ length: count }, () => span());
const ids = (list: Iterable<ReadableSpan>): string[] =>
  [...list].map((one) => one.spanContext().spanId).sort();

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Setup {
  readonly send?: SendSpans;
  readonly options?: Partial<SpanProcessorOptions>;
}

/** A processor whose clock and windows are in the hands of the test. */
function setup({ send = async () => ({ lost: 0 }), options }: Setup = {}) {
  const batches: (readonly ReadableSpan[])[] = [];
  const windows: { readonly ms: number; readonly end: () => void }[] = [];
  const clock = { now: 1_700_000_000_000 };
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() } satisfies Logger;
  const lost = new LostSpans(log, () => clock.now);
  const processor = new EdgeSpanProcessor(
    (batch) => {
      batches.push(batch);
      return send(batch);
    },
    lost,
    {
      maxBytes: 1_000_000_000,
      maxQueueSize: 100,
      maxBatchSize: 10,
      windowMs: WINDOW_MS,
      now: () => clock.now,
      wait: (ms) => new Promise<void>((end) => windows.push({ ms, end })),
      ...options,
    },
  );
  const end = (list: Iterable<ReadableSpan>): void => {
    for (const one of list) processor.onEnd(one);
  };
  const dropped = (): number => lost.counts.queueFull + lost.counts.exportFailed;
  return { processor, lost, log, dropped, batches, windows, clock, end, sent: () => batches.flat() };
}

/** A processor whose windows pass immediately. */
const immediate = (more: Setup = {}) =>
  setup({ ...more, options: { wait: async () => undefined, ...more.options } });

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
    const [first, second] = [span(), span()];
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
    const [lost, waiting, late] = [span(), span(), span()];
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

describe('a collector that is slow or silent', () => {
  const LARGE = { 'user_agent.original': 'x'.repeat(100_000) };
  const large = (): ReadableSpan => span(TRACE_ID, 1, { ...LARGE });

  it('gets one export at a time; queue and export stay within their bytes, and the rest is counted', async () => {
    let open = 0;
    let most = 0;
    const { processor, end, lost, batches, log } = immediate({
      send: () => {
        most = Math.max(most, ++open);
        return new Promise(() => undefined);
      },
      options: { maxQueueSize: 4_096, maxBatchSize: 512, maxBytes: 100_000 },
    });
    for (let request = 0; request < 1_500; request++) {
      end([large()]);
      void processor.forceFlush();
      if (request % 50 === 0) await turn();
    }
    expect(most).toBe(1);
    expect(processor.bytes).toBeLessThanOrEqual(100_000);
    const inFlight = batches.flat().length;
    expect(inFlight).toBeGreaterThan(0);
    expect(lost.counts.queueFull).toBe(1_500 - inFlight - processor.queued);
    expect(log.warn).toHaveBeenCalledTimes(1);
    expect(log.warn).toHaveBeenCalledWith('spans were lost', { ...lost.counts, queueFull: 1 });
  });

  it('holds no span up for ever: when its request was cut off, its batch is counted as lost, and the next goes on', async () => {
    const answer = Promise.withResolvers<{ lost: number }>();
    let asked = 0;
    const { processor, end, lost, clock, sent } = immediate({
      send: () => (asked++ === 0 ? answer.promise : Promise.resolve({ lost: 0 })),
    });
    end(spans(10));
    const cutOff = processor.forceFlush();
    await turn();
    const rest = spans(3);
    end(rest);
    clock.now += 24_999;
    await processor.forceFlush();
    expect(asked).toBe(1);
    clock.now += 1;
    await processor.forceFlush();
    expect(ids(sent().slice(10))).toEqual(ids(rest));
    expect([lost.counts.exportFailed, processor.bytes]).toEqual([10, 0]);
    answer.resolve({ lost: 10 });
    await cutOff;
    expect([lost.counts.exportFailed, processor.bytes]).toEqual([10, 0]);
  });

  it('leaves the flush after ten seconds to another request', async () => {
    const { processor, end, clock, batches } = immediate({
      send: async () => {
        clock.now += 6_000;
        end(spans(1));
        return { lost: 0 };
      },
    });
    end(spans(1));
    await processor.forceFlush();
    expect([batches.length, processor.queued]).toEqual([2, 1]);
    await processor.forceFlush();
    expect(batches.length).toBe(4);
  });

  it('is logged once a minute, with its answer', async () => {
    const { processor, end, clock, log } = immediate({
      send: async () => ({ lost: 1, reason: 'status 400' }),
    });
    for (const seconds of [0, 1, 59, 60, 61]) {
      clock.now = 1_700_000_000_000 + seconds * 1_000;
      end(spans(1));
      await processor.forceFlush();
    }
    expect(log.warn.mock.calls.map(([, fields]) => fields)).toEqual([
      { queueFull: 0, exportFailed: 1, overBudget: 0, reason: 'status 400' },
      { queueFull: 0, exportFailed: 4, overBudget: 0, reason: 'status 400' },
    ]);
  });
});

describe('an export that fails', () => {
  it.each<[string, SendSpans]>([
    ['rejects', async () => Promise.reject(new Error('no answer'))],
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['says that all is lost', async (batch) => ({ lost: batch.length })],
  ])('because the send %s is counted, and never fails the request', async (_how, send) => {
    const { processor, dropped, end } = immediate({ send });
    end(spans(25));
    await expect(processor.forceFlush()).resolves.toBeUndefined();
    expect([processor.queued, dropped()]).toEqual([0, 25]);
  });

  it('loses only its own batch', async () => {
    const send: SendSpans = async (batch) => {
      if (batch.length === 10) throw new Error('no answer');
      return { lost: 1 };
    };
    const { processor, dropped, end } = immediate({ send });
    end(spans(15));
    await processor.forceFlush();
    expect(dropped()).toBe(11);
  });

  it('does not stop the next one', async () => {
    const send = vi
      .fn<SendSpans>()
      .mockRejectedValueOnce(new Error('no answer'))
      .mockResolvedValue({ lost: 0 });
    const { processor, dropped, end } = immediate({ send });
    for (let round = 0; round < 2; round++) {
      end(spans(1));
      await processor.forceFlush();
    }
    expect(send).toHaveBeenCalledTimes(2);
    expect(dropped()).toBe(1);
  });
});

describe('a shutdown', () => {
  it('sends the remaining spans without a window', async () => {
    const { processor, windows, end, sent } = setup();
    const all = spans(3);
    end(all);
    await processor.shutdown();
    expect(windows).toEqual([]);
    expect(ids(sent())).toEqual(ids(all));
  });
});

describe('the resource of a span', () => {
  function ended(service?: string): ReadableSpan | undefined {
    const { processor } = immediate();
    const seen: ReadableSpan[] = [];
    const provider = new BasicTracerProvider({
      resource: resourceFromAttributes({ 'service.name': 'throughline-edge', 'cloud.region': 'here' }),
      spanProcessors: [
        processor,
        {
          onStart: () => undefined,
          onEnd: (one) => void seen.push(one),
          forceFlush: async () => undefined,
          shutdown: async () => undefined,
        },
      ],
    });
    const context: Context = service === undefined ? ROOT_CONTEXT : withService(ROOT_CONTEXT, service);
    provider.getTracer('test').startSpan('it', {}, context).end();
    return seen[0];
  }

  it('names the service that does the work, and keeps the rest', () => {
    expect(ended('throughline-bridge')?.resource.attributes).toEqual({
      'service.name': 'throughline-bridge',
      'cloud.region': 'here',
    });
  });

  it('is that of the provider if no service is named', () => {
    expect(ended()?.resource.attributes).toMatchObject({ 'service.name': 'throughline-edge' });
  });
});

describe('memory', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;

  function heapAfterCollection(): number {
    for (let round = 0; round < 3; round++) collect();
    return process.memoryUsage().heapUsed;
  }

  it('is flat after 100,000 spans of 100,000 traces', async () => {
    let sentCount = 0;
    const { lost, dropped } = setup();
    const processor = new EdgeSpanProcessor(
      async (batch) => {
        sentCount += batch.length;
        return { lost: 0 };
      },
      lost,
      {
        ...{ maxQueueSize: 4_096, maxBatchSize: 512, maxBytes: 100_000_000 },
        ...{ windowMs: 1, wait: async () => undefined, now: Date.now },
      },
    );
    const provider = new BasicTracerProvider({ spanProcessors: [processor] });
    const tracer = provider.getTracer('test');
    const run = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        tracer.startSpan('it', { attributes: { 'throughline.job.id': `job-${i}` } }).end();
        if (i % 1_000 === 999) await processor.forceFlush();
      }
    };
    await run(10_000);
    const before = heapAfterCollection();
    await run(100_000);
    const grown = heapAfterCollection() - before;
    expect([processor.queued, dropped()]).toEqual([0, 0]);
    expect(sentCount).toBe(110_000);
    // A map entry per trace would be ten times as much.
    expect(grown).toBeLessThan(1_000_000);
  });
});
