import { ExportResultCode } from '@opentelemetry/core';
import { JsonMetricsSerializer } from '@opentelemetry/otlp-transformer';
import {
  type IMetricReader,
  type MetricProducer,
  PeriodicExportingMetricReader,
  type PeriodicExportingMetricReaderOptions,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import type { MetricsTarget } from '../../../shared/trace/settings/metrics-settings.ts';
import { readableMetrics } from '../measure/readable-metrics.ts';
import { temporalityOf } from '../measure/temporality.ts';
import { CountedExporter } from './counted-exporter.ts';
import type { Environment } from './exporter-config.ts';
import type { Losses } from './losses.ts';
import { type Exported, OtlpExporter } from './otlp-exporter.ts';

interface OtlpReaderParts {
  readonly target: MetricsTarget;
  readonly losses: Losses;
  readonly environment: Environment;
  /** Metrics that the SDK does not know. */
  readonly own: MetricProducer;
}

/** The reader that sends metrics as OTLP/HTTP JSON, and counts the data points that are lost on the way. */
export function otlpReader({ target, losses, environment, own }: OtlpReaderParts): IMetricReader {
  const write = (metrics: ResourceMetrics) =>
    JsonMetricsSerializer.serializeRequest(readableMetrics(metrics));
  const otlp = new OtlpExporter(target, environment, { variable: 'METRICS', write });
  const counting = { losses, what: 'data points', timeoutMs: target.timeoutMs, sizeOf: pointsIn };
  const counted = new CountedExporter<ResourceMetrics>(otlp, counting);
  const exporter = {
    selectAggregationTemporality: temporalityOf,
    // While the collector wants nothing, exports are left out: the next one has the same totals.
    export: (metrics: ResourceMetrics, done: (result: Exported) => void): void => {
      if (otlp.pauseMs > 0 && !reader.isEnding) done({ code: ExportResultCode.SUCCESS });
      else counted.export(metrics, done);
    },
    forceFlush: () => counted.forceFlush(),
    shutdown: () => counted.shutdown(),
  };
  const finish = (sending: Promise<void>) => counted.finish(sending, target.timeoutMs);
  const reader = new EndingReader(finish, {
    exporter,
    metricProducers: [own],
    exportIntervalMillis: target.intervalMs,
    exportTimeoutMillis: Math.min(target.timeoutMs, target.intervalMs),
  });
  return reader;
}

/** A reader that knows when its last export comes, which is sent in any case. */
class EndingReader extends PeriodicExportingMetricReader {
  isEnding = false;
  readonly #finish: (sending: Promise<void>) => Promise<void>;

  /** @param finish waits for the last export, but not for ever */
  constructor(
    finish: (sending: Promise<void>) => Promise<void>,
    options: PeriodicExportingMetricReaderOptions,
  ) {
    super(options);
    this.#finish = finish;
  }

  protected override async onShutdown(): Promise<void> {
    this.isEnding = true;
    await this.#finish(super.onShutdown());
  }
}

function pointsIn({ scopeMetrics }: ResourceMetrics): number {
  const metrics = scopeMetrics.flatMap((scope) => scope.metrics);
  return metrics.reduce((sum, { dataPoints }) => sum + dataPoints.length, 0);
}
