import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Context, ROOT_CONTEXT } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it, vi } from 'vitest';
import { EdgeSpanProcessor, type SendSpans } from '../../../../edge/telemetry/export/span-processor.ts';
import { withService } from '../../../../edge/telemetry/service.ts';
import { ids, immediate, setup, span, spans, TRACE_ID, turn, WINDOW_MS } from './span-processor-support.ts';

describe('a collector that is slow or silent', () => {
  const LARGE = { 'user_agent.original': 'x'.repeat(100_000) };
  const large = (): ReadableSpan => span(TRACE_ID, 1, { ...LARGE });

  it('gets one export at a time; the queue and the export keep to their limits of bytes, and the rest is counted', async () => {
    let open = 0;
    let most = 0;
    const { processor, end, counts, batches, log } = immediate({
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
    expect(counts.lost.queueFull).toBe(1_500 - inFlight - processor.queued);
    expect(log.warn).toHaveBeenCalledTimes(1);
    expect(log.warn).toHaveBeenCalledWith('spans were lost', {
      since_last_line: 1,
      ...counts.lost,
      queueFull: 1,
    });
  });

  it('never blocks later spans: when its request is cut off, its batch counts as lost, and the next one goes on', async () => {
    const answer = Promise.withResolvers<{ lost: number }>();
    let asked = 0;
    const { processor, end, counts, clock, sent } = immediate({
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
    expect([counts.lost.exportFailed, processor.bytes]).toEqual([10, 0]);
    answer.resolve({ lost: 10 });
    await cutOff;
    expect([counts.lost.exportFailed, processor.bytes]).toEqual([10, 0]);
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
      { since_last_line: 1, queueFull: 0, exportFailed: 1, rejected: 0, overBudget: 0, reason: 'status 400' },
      { since_last_line: 2, queueFull: 0, exportFailed: 3, rejected: 0, overBudget: 0, reason: 'status 400' },
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

describe('a collector that asks for a pause', () => {
  it('gets nothing until its time has come; the spans wait, and go then', async () => {
    let asked = 0;
    const { processor, end, counts, clock, batches } = immediate({
      send: async (batch) =>
        ++asked === 1 ? { lost: batch.length, reason: 'status 429', pauseMs: 30_000 } : { lost: 0 },
    });
    end(spans(25));
    await processor.forceFlush();
    expect([batches.length, processor.queued, counts.lost.exportFailed]).toEqual([1, 15, 10]);
    clock.now += 19_999;
    await processor.forceFlush();
    expect(batches).toHaveLength(1);
    clock.now += 10_001;
    await processor.forceFlush();
    expect([processor.queued, processor.bytes, counts.exported]).toEqual([0, 0, 15]);
  });

  it('is waited for by a flush that lasts that long', async () => {
    let asked = 0;
    const { processor, end, windows, clock } = setup({
      send: async () => (++asked === 1 ? { lost: 0, pauseMs: 5_000 } : { lost: 0 }),
    });
    end(spans(15));
    const flush = processor.forceFlush();
    windows[0]?.end();
    await turn();
    await turn();
    expect(windows.map(({ ms }) => ms)).toEqual([WINDOW_MS, 5_000]);
    clock.now += 5_000;
    windows[1]?.end();
    await flush;
    expect([asked, processor.queued]).toEqual([2, 0]);
  });

  it('cannot make the queue grow: what has no room is counted', async () => {
    const { processor, end, counts, clock } = immediate({
      send: async (batch) => ({ lost: batch.length, pauseMs: 60_000 }),
      options: { maxQueueSize: 20 },
    });
    end(spans(10));
    await processor.forceFlush();
    for (let request = 0; request < 100; request++) {
      end(spans(1));
      clock.now += 100;
      await processor.forceFlush();
    }
    expect([processor.queued, counts.lost]).toEqual([
      20,
      { ...counts.lost, exportFailed: 10, queueFull: 80 },
    ]);
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
    const { counts, dropped } = setup();
    const processor = new EdgeSpanProcessor(
      async (batch) => {
        sentCount += batch.length;
        return { lost: 0 };
      },
      counts,
      {
        maxQueueSize: 4_096,
        maxBatchSize: 512,
        maxBytes: 100_000_000,
        windowMs: 1,
        wait: async () => undefined,
        now: Date.now,
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
