import { context, TraceFlags } from '@opentelemetry/api';
import { ExportResultCode, suppressTracing } from '@opentelemetry/core';
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { describeThrown } from '../../../shared/errors.ts';
import { startTimer, type Timer } from '../../../shared/timers.ts';
import type { OtlpTarget } from '../../../shared/trace/settings/otlp-settings.ts';
import type { NodeOtelSettings } from '../sdk-settings.ts';
import type { EndedSpan } from '../spans/light-span.ts';
import type { Moment } from '../spans/moment.ts';
import { CountedExporter } from './counted-exporter.ts';
import { SpanBatch, type SpanOrigin } from './encode/span-batch.ts';
import type { Environment } from './exporter-config.ts';
import type { Losses } from './losses.ts';
import { type Exported, OtlpExporter } from './otlp-exporter.ts';
import { Waiting } from './waiting.ts';

/** How many batches are sent at the same time at the end. The library refuses those beyond 30. */
const AT_ONCE = 8;

/** How many bytes of spans may wait or be on their way: single spans may be large. */
const MAX_BYTES = 32 * 1_024 * 1_024;

/** A batch with so many bytes is full. Collectors limit the body of a request, and refuse all of one that is larger. */
const FULL_BYTES = 4 * 1_024 * 1_024;

/** The longest export of a process whose end somebody waits for. */
const BRIEF_MS = 2_500;

interface SpanBatchesOptions {
  readonly losses: Losses;
  readonly environment: Environment;
  /** Whether somebody waits for the end of the process: a collector has less time, and is not tried again if it is not there. */
  readonly isBrief?: boolean | undefined;
}

/**
 * Sends spans in batches, and counts those that are lost on the way. It does what the SDK's `BatchSpanProcessor` does, by the same
 * settings, but a span that has ended is at once written as JSON. So the spans of a batch are not held in memory until its export.
 */
export class SpanBatches implements SpanProcessor {
  readonly #settings: NodeOtelSettings;
  readonly #losses: Losses;
  readonly #collector: OtlpExporter<SpanBatch>;
  readonly #exporter: CountedExporter<SpanBatch>;
  readonly #waiting: Waiting;
  readonly #batchSize: number;
  /** What spans are added to. */
  #filling = new SpanBatch();
  /** Batches that are full, and wait while another one is sent. */
  #full: SpanBatch[] = [];
  /** The bytes of the spans that have no answer yet. */
  #bytes = 0;
  /** Sends batches one after the other. The exporter may not have the next one yet. Undefined: nothing is sent. */
  #sending: Promise<void> | undefined;
  #isShut = false;
  #timer: Timer | undefined;

  constructor(
    target: OtlpTarget,
    settings: NodeOtelSettings,
    { losses, environment, isBrief = false }: SpanBatchesOptions,
  ) {
    const within = isBrief ? { ...target, timeoutMs: Math.min(target.timeoutMs, BRIEF_MS) } : target;
    this.#settings = settings;
    this.#losses = losses;
    const max = settings.OTEL_BSP_MAX_QUEUE_SIZE;
    // More than fit into the queue would never be together.
    this.#batchSize = Math.min(settings.OTEL_BSP_MAX_EXPORT_BATCH_SIZE, max);
    this.#waiting = new Waiting(losses, max, `${max} spans wait already (OTEL_BSP_MAX_QUEUE_SIZE)`);
    const write = (batch: SpanBatch): Uint8Array => batch.takeJson();
    this.#collector = new OtlpExporter(within, environment, { variable: 'TRACES', write, isBrief });
    this.#exporter = new CountedExporter(this.#collector, {
      losses,
      what: 'spans',
      timeoutMs: within.timeoutMs,
      sizeOf: (batch) => batch.size,
      taken: this.#waiting.left,
    });
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if (this.#isShut || (span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return;
    this.#add((batch) => batch.add(span));
  }

  /** As {@link onEnd}, for a light span. */
  onLightEnd(span: EndedSpan, ended: Moment, origin: SpanOrigin): void {
    if (!this.#isShut) this.#add((batch) => batch.addLight(span, ended, origin));
  }

  #add(addTo: (batch: SpanBatch) => void): void {
    if (this.#bytes >= MAX_BYTES) {
      this.#losses.add('queueFull', 1, `${MAX_BYTES} bytes of spans wait already`);
      return;
    }
    if (!this.#waiting.admit()) return;
    const before = this.#filling.bytes;
    try {
      addTo(this.#filling);
      this.#bytes += this.#filling.bytes - before;
      this.#sendInTime();
    } catch (thrown) {
      this.#waiting.left(1);
      this.#losses.add('exportFailed', 1, `a span cannot be written: ${describeThrown(thrown)}`);
    }
  }

  #sendInTime(): void {
    if (this.#filling.size >= this.#batchSize || this.#filling.bytes >= FULL_BYTES) this.#sendFull();
    else this.#sendLater();
  }

  /** Sends all that wait, and waits for the answers to it and to what is on its way. */
  async forceFlush(): Promise<void> {
    await this.#sendWaiting();
    await this.#exporter.forceFlush();
  }

  async shutdown(): Promise<void> {
    this.#isShut = true;
    await this.#exporter.finish(this.#sendWaiting(), this.#settings.OTEL_BSP_EXPORT_TIMEOUT);
    await this.#exporter.shutdown();
  }

  #sendFull(): void {
    this.#endFilling();
    void this.#sendNext();
  }

  /** Sends what there is when the first span of it has waited for the time between exports. */
  #sendLater(): void {
    if (this.#sending !== undefined || this.#timer !== undefined) return;
    this.#timer = startTimer(this.#settings.OTEL_BSP_SCHEDULE_DELAY, () => this.#sendFull());
  }

  /** Sends all that wait, and waits for the answers. */
  async #sendWaiting(): Promise<void> {
    this.#endFilling();
    const atOnce = Array.from({ length: AT_ONCE }, () => this.#sendAll(() => true));
    await Promise.all([this.#sending, ...atOnce]);
  }

  /** One batch at a time is sent: a collector that is slow does not get more and more requests. */
  async #sendNext(): Promise<void> {
    if (this.#sending !== undefined) return;
    const { pauseMs } = this.#collector;
    if (pauseMs > 0) {
      this.#timer ??= startTimer(pauseMs, () => this.#sendFull());
      return;
    }
    this.#sending = this.#sendAll(() => this.#collector.pauseMs === 0);
    await this.#sending;
    this.#sending = undefined;
    if (this.#filling.size + this.#full.length > 0) this.#sendLater();
  }

  /** Sends the batches that are full, one after the other. @param goesOn whether the next one is sent too */
  async #sendAll(goesOn: () => boolean): Promise<void> {
    while (goesOn()) {
      const batch = this.#full.shift();
      if (batch === undefined) return;
      await this.#send(batch);
    }
  }

  #endFilling(): void {
    this.#timer?.stop();
    this.#timer = undefined;
    if (this.#filling.size === 0) return;
    this.#full.push(this.#filling);
    this.#filling = new SpanBatch();
  }

  /** Waits for the answer, for as long as `OTEL_BSP_EXPORT_TIMEOUT`. Never rejects: a batch that fails is counted. */
  async #send(batch: SpanBatch): Promise<void> {
    await batch.resourcesKnown();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = startTimer(this.#settings.OTEL_BSP_EXPORT_TIMEOUT, resolve);
    const done = ({ code }: Exported): void => {
      this.#bytes -= batch.bytes;
      // A batch that was given up may still be on its way.
      if (code === ExportResultCode.SUCCESS) batch.release();
      resolve();
    };
    // The requests to the collector are no spans.
    context.with(suppressTracing(context.active()), () => this.#exporter.export(batch, done));
    await promise;
    timer.stop();
  }
}
