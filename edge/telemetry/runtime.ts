import type { TraceConfig } from '@microlabs/otel-cf-workers';
import { context, propagation } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { ThroughlinePropagator } from '../../shared/propagation/index.ts';
import { pause } from '../../shared/timers.ts';
import { tracesTarget } from '../../shared/trace/otel-settings.ts';
import { SERVICE } from '../../shared/trace/semantics.ts';
import { spanLine } from '../../shared/trace/span-line.ts';
import type { Logger } from './log.ts';
import { type LossReason, LostSpans } from './lost-spans.ts';
import { otlpSender } from './otlp.ts';
import { createSampler } from './sampler.ts';
import type { TelemetrySettings } from './settings.ts';
import { EdgeSpanProcessor, type SendSpans } from './span-processor.ts';
import { TraceBudget } from './trace-budget.ts';

/** Tracing is off, or on with a span processor and the configuration for the instrumentation. */
export type Telemetry =
  | { readonly on: false }
  | {
      readonly on: true;
      readonly processor: EdgeSpanProcessor;
      readonly lost: LostSpans;
      readonly trace: TraceConfig;
    };

let current: Telemetry | undefined;

/**
 * Sets up tracing, once for each isolate. An OTLP endpoint turns export on, `DEBUG` prints spans to stderr. Without
 * either of them, nothing is recorded, but the caller's trace context is still passed on.
 * @param acceptTraceContext whether the caller of a request may write into our traces
 */
export function telemetry(
  config: TelemetrySettings,
  log: Logger,
  acceptTraceContext: (request: Request) => boolean,
): Telemetry {
  current ??= start(config, log, acceptTraceContext);
  return current;
}

/**
 * Exports the spans that have ended, as work that `object` stays alive for. The instrumentation does it for requests
 * only.
 */
export function flushSpans(object: Pick<DurableObjectState, 'waitUntil'>): void {
  if (current?.on) object.waitUntil(current.processor.forceFlush());
}

/** How many spans of this isolate were not exported, by reason; undefined if tracing is off. */
export function lostSpans(): Readonly<Record<LossReason, number>> | undefined {
  return current?.on ? current.lost.counts : undefined;
}

function start(
  config: TelemetrySettings,
  log: Logger,
  acceptTraceContext: (request: Request) => boolean,
): Telemetry {
  const send = sender(config);
  if (send === undefined) {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager());
    propagation.setGlobalPropagator(new ThroughlinePropagator());
    return { on: false };
  }
  const now = () => Date.now();
  const lost = new LostSpans(log, now);
  const processor = new EdgeSpanProcessor(send, lost, {
    maxBytes: config.TRACE_QUEUE_BYTES,
    maxQueueSize: config.OTEL_BSP_MAX_QUEUE_SIZE,
    maxBatchSize: config.OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
    windowMs: config.OTEL_BSP_SCHEDULE_DELAY,
    wait: pause,
    now,
  });
  const budget = new TraceBudget(config, lost, now);
  return { on: true, processor, lost, trace: traceConfig(config, processor, budget, acceptTraceContext) };
}

function traceConfig(
  config: TelemetrySettings,
  processor: EdgeSpanProcessor,
  budget: TraceBudget,
  acceptTraceContext: (request: Request) => boolean,
): TraceConfig {
  return {
    service: { name: config.OTEL_SERVICE_NAME ?? SERVICE.edge },
    spanProcessors: [processor],
    propagator: new ThroughlinePropagator(),
    sampling: {
      headSampler: createSampler(config.OTEL_TRACES_SAMPLER, config.OTEL_TRACES_SAMPLER_ARG, budget),
    },
    handlers: { fetch: { acceptTraceContext } },
    fetch: { includeTraceContext: false },
    instrumentation: { instrumentGlobalCache: false, instrumentGlobalFetch: false },
  };
}

function sender(config: TelemetrySettings): SendSpans | undefined {
  if (config.OTEL_SDK_DISABLED) return undefined;
  const target = tracesTarget(config);
  const senders: SendSpans[] = [];
  if (target !== undefined) senders.push(otlpSender(target));
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
