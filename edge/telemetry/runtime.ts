import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { ThroughlinePropagator } from '../../shared/propagation/index.ts';
import { pause } from '../../shared/timers.ts';
import { tracesTarget } from '../../shared/trace/settings/otlp-settings.ts';
import { spanLimits } from '../../shared/trace/settings/span-limit-settings.ts';
import { spanLine } from '../../shared/trace/span-line.ts';
import { otlpSender } from './export/otlp.ts';
import { type LossReason, SpanCounts } from './export/span-counts.ts';
import { EdgeSpanProcessor, type SendSpans } from './export/span-processor.ts';
import type { Logger } from './log.ts';
import { edgeResource } from './resource.ts';
import { createSampler } from './sampler.ts';
import type { TelemetrySettings } from './settings.ts';
import { TraceBudget } from './trace-budget.ts';
import { EdgeTracerProvider } from './tracer-provider.ts';

/** Tracing is off, or on with a span processor. */
export type Telemetry =
  | { readonly on: false }
  | { readonly on: true; readonly processor: EdgeSpanProcessor; readonly counts: SpanCounts };

let current: Telemetry | undefined;

/**
 * Sets up tracing, once for each isolate. An OTLP endpoint turns export on, `DEBUG` prints spans to stderr. Without
 * either of them, nothing is recorded, but the caller's trace context is still passed on.
 */
export function startTelemetry(config: TelemetrySettings, log: Logger): Telemetry {
  current ??= start(config, log);
  return current;
}

/** Exports the spans that have ended. @param keeper the request or the object that stays alive for it */
export function flushSpans(keeper: Pick<DurableObjectState, 'waitUntil'>): void {
  const work = current?.on ? current.processor.flush() : undefined;
  if (work !== undefined) keeper.waitUntil(work);
}

/** What became of the spans of this isolate since it started. */
export interface SpanFigures {
  /** Spans that the collector took. */
  readonly exported: number;
  /** Spans that wait for their export now. */
  readonly waiting: number;
  /** Spans that were lost, by reason. */
  readonly lost: Readonly<Record<LossReason, number>>;
}

/** The figures of this isolate; undefined if tracing is off. */
export function spanFigures(): SpanFigures | undefined {
  if (!current?.on) return undefined;
  const { counts, processor } = current;
  return { exported: counts.exported, waiting: processor.queued, lost: counts.lost };
}

function start(config: TelemetrySettings, log: Logger): Telemetry {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager());
  propagation.setGlobalPropagator(new ThroughlinePropagator());
  const send = sender(config);
  if (send === undefined) return { on: false };
  const now = () => Date.now();
  const counts = new SpanCounts(log, now);
  const processor = new EdgeSpanProcessor(send, counts, {
    maxBytes: config.TRACE_QUEUE_BYTES,
    maxQueueSize: config.OTEL_BSP_MAX_QUEUE_SIZE,
    maxBatchSize: config.OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
    windowMs: config.OTEL_BSP_SCHEDULE_DELAY,
    wait: pause,
    now,
  });
  const budget = new TraceBudget(config, counts, now);
  const provider = new EdgeTracerProvider({
    resource: edgeResource(config),
    sampler: createSampler(config.OTEL_TRACES_SAMPLER, config.OTEL_TRACES_SAMPLER_ARG, budget),
    spanLimits: spanLimits(config),
    spanProcessors: [processor],
  });
  trace.setGlobalTracerProvider(provider);
  return { on: true, processor, counts };
}

function sender(config: TelemetrySettings): SendSpans | undefined {
  if (config.OTEL_SDK_DISABLED) return undefined;
  const target = tracesTarget(config);
  const senders: SendSpans[] = [];
  if (target !== undefined) senders.push(otlpSender(target, { totalMs: config.OTEL_BSP_EXPORT_TIMEOUT }));
  if (config.DEBUG) senders.push(printSpans);
  if (senders.length === 0) return undefined;
  return async (spans) => {
    const [first] = await Promise.all(senders.map((send) => send(spans)));
    return first ?? { lost: 0 };
  };
}

const printSpans: SendSpans = async (spans) => {
  // biome-ignore lint/suspicious/noConsole: `DEBUG` asks for spans on stderr
  for (const span of spans) console.error(spanLine(span));
  return { lost: 0 };
};
