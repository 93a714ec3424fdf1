import { JsonLogsSerializer } from '@opentelemetry/otlp-transformer';
import {
  BatchLogRecordProcessor,
  type LogRecordProcessor,
  type ReadableLogRecord,
  type SdkLogRecord,
} from '@opentelemetry/sdk-logs';
import type { OtlpTarget } from '../../../../shared/trace/settings/otlp-settings.ts';
import type { NodeOtelSettings } from '../../sdk-settings.ts';
import { CountedExporter, END_MS } from '../counted-exporter.ts';
import type { Environment } from '../exporter-config.ts';
import type { Losses } from '../losses.ts';
import { MAX_PAUSE_MS, OtlpExporter } from '../otlp-exporter.ts';
import { Waiting } from '../waiting.ts';
import { PatientExporter } from './patient-exporter.ts';
import { charactersOf } from './record-size.ts';
import { SplitExporter } from './split-exporter.ts';

/** About how many characters of log records may wait: single lines may be long. */
const MAX_CHARACTERS = 16 * 1_024 * 1_024;

/** Sends log records in batches with OpenTelemetry's own exporter, and counts those that are lost on the way. */
export class LogBatches implements LogRecordProcessor {
  readonly #batches: BatchLogRecordProcessor;
  readonly #patient: PatientExporter;
  readonly #exporter: CountedExporter<ReadableLogRecord[]>;
  readonly #waiting: Waiting;
  readonly #timeoutMs: number;
  #endMs = END_MS;
  readonly #losses: Losses;
  /** The characters of each record that waits, and of all of them. */
  readonly #sizes: number[] = [];
  #characters = 0;

  constructor(
    target: OtlpTarget,
    settings: NodeOtelSettings,
    { losses, environment }: { readonly losses: Losses; readonly environment: Environment },
  ) {
    const max = settings.OTEL_BLRP_MAX_QUEUE_SIZE;
    this.#timeoutMs = target.timeoutMs;
    this.#losses = losses;
    this.#waiting = new Waiting(losses, max, `${max} log records wait already (OTEL_BLRP_MAX_QUEUE_SIZE)`);
    const write = (records: ReadableLogRecord[]) => JsonLogsSerializer.serializeRequest(records);
    const otlp = new OtlpExporter(target, environment, { variable: 'LOGS', write });
    this.#exporter = new CountedExporter<ReadableLogRecord[]>(otlp, {
      losses,
      what: 'log records',
      timeoutMs: target.timeoutMs,
      sizeOf: (records) => records.length,
      taken: (count) => this.#leave(count),
    });
    this.#patient = new PatientExporter(this.#exporter, otlp, settings.OTEL_BLRP_EXPORT_TIMEOUT);
    this.#batches = new BatchLogRecordProcessor({
      exporter: new SplitExporter(this.#patient),
      maxQueueSize: max,
      maxExportBatchSize: Math.min(settings.OTEL_BLRP_MAX_EXPORT_BATCH_SIZE, max),
      scheduledDelayMillis: settings.OTEL_BLRP_SCHEDULE_DELAY,
      exportTimeoutMillis: MAX_PAUSE_MS + settings.OTEL_BLRP_EXPORT_TIMEOUT,
    });
  }

  onEmit(record: SdkLogRecord): void {
    const characters = charactersOf(record);
    if (this.#characters + characters > MAX_CHARACTERS) {
      this.#losses.add('queueFull', 1, `${MAX_CHARACTERS} characters of log records wait already`);
      return;
    }
    if (!this.#waiting.admit()) return;
    this.#sizes.push(characters);
    this.#characters += characters;
    this.#batches.onEmit(record);
  }

  #leave(count: number): void {
    for (const characters of this.#sizes.splice(0, count)) this.#characters -= characters;
    this.#waiting.left(count);
  }

  async forceFlush(): Promise<void> {
    await this.#batches.forceFlush();
  }

  /** All batches that are left have at most so much time. */
  endIn(ms: number): void {
    this.#endMs = Math.min(this.#endMs, ms);
  }

  /** The SDK sends the batches that are left one after the other. They all have the time of one export. */
  async shutdown(): Promise<void> {
    this.#patient.hurry();
    await this.#exporter.finish(
      this.#batches.shutdown().catch(() => undefined),
      this.#timeoutMs,
      this.#endMs,
    );
  }
}
