import { type Attributes, TraceFlags } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { vi } from 'vitest';
import { SpanCounts } from '../../../../edge/telemetry/export/span-counts.ts';
import {
  EdgeSpanProcessor,
  type SendSpans,
  type SpanProcessorOptions,
} from '../../../../edge/telemetry/export/span-processor.ts';
import type { Logger } from '../../../../edge/telemetry/log.ts';

export const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
export const WINDOW_MS = 50;

let made = 0;

/** An ended span: what the processor looks at. */
export function span(
  traceId = TRACE_ID,
  traceFlags: number = TraceFlags.SAMPLED,
  attributes: Attributes = {},
): ReadableSpan {
  const spanId = (++made).toString(16).padStart(16, '0');
  const context = { traceId, spanId, traceFlags };
  return { name: 'it', spanContext: () => context, attributes } as unknown as ReadableSpan;
}

export const spans = (count: number): ReadableSpan[] => Array.from({ length: count }, () => span());
export const ids = (list: Iterable<ReadableSpan>): string[] =>
  [...list].map((one) => one.spanContext().spanId).sort();

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Setup {
  readonly send?: SendSpans;
  readonly options?: Partial<SpanProcessorOptions>;
}

/** A processor whose clock and windows are in the hands of the test. */
export function setup({ send = async () => ({ lost: 0 }), options }: Setup = {}) {
  const batches: (readonly ReadableSpan[])[] = [];
  const windows: { readonly ms: number; readonly end: () => void }[] = [];
  const clock = { now: 1_700_000_000_000 };
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() } satisfies Logger;
  const counts = new SpanCounts(log, () => clock.now);
  const processor = new EdgeSpanProcessor(
    (batch) => {
      batches.push(batch);
      return send(batch);
    },
    counts,
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
  const dropped = (): number => counts.lost.queueFull + counts.lost.exportFailed;
  return { processor, counts, log, dropped, batches, windows, clock, end, sent: () => batches.flat() };
}

/** A processor whose windows pass immediately. */
export const immediate = (more: Setup = {}) =>
  setup({ ...more, options: { wait: async () => undefined, ...more.options } });
