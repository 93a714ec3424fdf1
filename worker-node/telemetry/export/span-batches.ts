import { TraceFlags } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { BatchSpanProcessor, type ReadableSpan, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { OtlpTarget } from '../../../shared/trace/settings/otlp-settings.ts';
import type { NodeOtelSettings } from '../sdk-settings.ts';
import { CountedExporter } from './counted-exporter.ts';
import { type Environment, makeExporter } from './exporter-config.ts';
import type { Losses } from './losses.ts';
import { Waiting } from './waiting.ts';

/** Sends spans in batches with OpenTelemetry's own exporter, and counts those that are lost on the way. */
export class SpanBatches implements SpanProcessor {
  readonly #batches: BatchSpanProcessor;
  readonly #exporter: CountedExporter<ReadableSpan[]>;
  readonly #waiting: Waiting;
  readonly #timeoutMs: number;

  constructor(
    target: OtlpTarget,
    settings: NodeOtelSettings,
    { losses, environment }: { readonly losses: Losses; readonly environment: Environment },
  ) {
    this.#timeoutMs = settings.OTEL_BSP_EXPORT_TIMEOUT;
    const max = settings.OTEL_BSP_MAX_QUEUE_SIZE;
    this.#waiting = new Waiting(losses, max, `${max} spans wait already (OTEL_BSP_MAX_QUEUE_SIZE)`);
    const otlp = makeExporter(target, environment, (config) => new OTLPTraceExporter(config));
    this.#exporter = new CountedExporter<ReadableSpan[]>(otlp, {
      losses,
      timeoutMs: target.timeoutMs,
      sizeOf: (spans) => spans.length,
      taken: this.#waiting.left,
    });
    this.#batches = new BatchSpanProcessor(this.#exporter, {
      maxQueueSize: max,
      // More than fit into the queue would never be together.
      maxExportBatchSize: Math.min(settings.OTEL_BSP_MAX_EXPORT_BATCH_SIZE, max),
      scheduledDelayMillis: settings.OTEL_BSP_SCHEDULE_DELAY,
      exportTimeoutMillis: this.#timeoutMs,
    });
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return;
    if (this.#waiting.admit()) this.#batches.onEnd(span);
  }

  async forceFlush(): Promise<void> {
    await this.#batches.forceFlush();
  }

  async shutdown(): Promise<void> {
    // A batch that fails is counted, so it is no error of the end. The first one ends the SDK's wait for all others.
    await this.#batches.shutdown().catch(() => undefined);
    await this.#exporter.answered(this.#timeoutMs);
  }
}
