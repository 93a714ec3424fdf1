import { TraceFlags } from '@opentelemetry/api';
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  BatchSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { describeThrown } from '../../shared/errors.ts';
import { OTLP_HEADER_NAMES } from '../../shared/trace/settings/otel-settings.ts';
import type { OtlpTarget } from '../../shared/trace/settings/otlp-settings.ts';
import type { LostSpans } from './lost-spans.ts';
import type { NodeOtelSettings } from './sdk-settings.ts';

/** The library's words for an answer of 429, 502, 503 or 504: it does not say which. */
const BUSY = 'Export failed with retryable status';
/** What Node says about an answer that is not HTTP/1. */
const NOT_HTTP = /^Parse Error/;

/** Sends spans in batches with OpenTelemetry's own exporter, and counts those that are lost on the way. */
export class CountedBatches implements SpanProcessor {
  readonly #batches: BatchSpanProcessor;
  readonly #lost: LostSpans;
  readonly #maxQueueSize: number;
  /** How many spans wait in the processor. */
  #waiting = 0;

  constructor(
    target: OtlpTarget,
    settings: NodeOtelSettings,
    { lost, environment }: { readonly lost: LostSpans; readonly environment: Environment },
  ) {
    this.#lost = lost;
    this.#maxQueueSize = settings.OTEL_BSP_MAX_QUEUE_SIZE;
    const exporter = new CountedExporter(createExporter(target, environment), lost, (spans) => {
      this.#waiting -= spans;
    });
    this.#batches = new BatchSpanProcessor(exporter, {
      maxQueueSize: this.#maxQueueSize,
      // More than fit into the queue would never be together.
      maxExportBatchSize: Math.min(settings.OTEL_BSP_MAX_EXPORT_BATCH_SIZE, this.#maxQueueSize),
      scheduledDelayMillis: settings.OTEL_BSP_SCHEDULE_DELAY,
      exportTimeoutMillis: settings.OTEL_BSP_EXPORT_TIMEOUT,
    });
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return;
    if (this.#waiting >= this.#maxQueueSize) {
      this.#lost.add('queueFull', 1, `${this.#maxQueueSize} spans wait already (OTEL_BSP_MAX_QUEUE_SIZE)`);
      return;
    }
    this.#waiting++;
    this.#batches.onEnd(span);
  }

  async forceFlush(): Promise<void> {
    await this.#batches.forceFlush();
  }

  async shutdown(): Promise<void> {
    // A batch that fails is counted, so it is no error of the end.
    await this.#batches.shutdown().catch(() => undefined);
  }
}

/** An exporter that counts the spans of each batch that was not taken. */
class CountedExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #lost: LostSpans;
  readonly #taken: (spans: number) => void;

  /** @param taken is called with the size of each batch when it leaves the queue */
  constructor(exporter: SpanExporter, lost: LostSpans, taken: (spans: number) => void) {
    this.#exporter = exporter;
    this.#lost = lost;
    this.#taken = taken;
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#taken(spans.length);
    this.#exporter.export(spans, (result) => {
      if (result.code === ExportResultCode.FAILED)
        this.#lost.add('exportFailed', spans.length, causeOf(result.error));
      done(result);
    });
  }

  async forceFlush(): Promise<void> {
    await this.#exporter.forceFlush?.();
  }

  async shutdown(): Promise<void> {
    await this.#exporter.shutdown();
  }
}

/** Says in one sentence what went wrong. The address of the collector may hold a secret, so it is not in it. */
function causeOf(error: (Error & { readonly code?: unknown }) | undefined): string {
  if (typeof error?.code === 'number') return `status ${error.code}`;
  if (error?.message === BUSY) return 'status 429, 502, 503 or 504, also after more tries';
  const message = describeThrown(error ?? 'no answer');
  return NOT_HTTP.test(message)
    ? 'the endpoint does not speak HTTP/1.1; is it the port for gRPC? The one for HTTP is usually 4318'
    : message;
}

type ExporterConfig = NonNullable<ConstructorParameters<typeof OTLPTraceExporter>[0]>;
type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Makes the exporter. It would add all headers of the environment by itself, and one that cannot be sent loses all spans. So
 * the environment hides them meanwhile: the target has those that can be sent.
 */
function createExporter(
  { url, headers, gzip, timeoutMs: timeoutMillis }: OtlpTarget,
  environment: Environment,
): OTLPTraceExporter {
  const compression = (gzip ? 'gzip' : 'none') as NonNullable<ExporterConfig['compression']>;
  const writable: Record<string, string | undefined> = environment;
  const hidden = OTLP_HEADER_NAMES.map((name) => [name, environment[name]] as const);
  for (const [name] of hidden) delete writable[name];
  try {
    return new OTLPTraceExporter({ url, headers, compression, timeoutMillis });
  } finally {
    for (const [name, value] of hidden) if (value !== undefined) writable[name] = value;
  }
}
