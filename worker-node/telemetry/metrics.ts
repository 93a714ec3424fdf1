import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Attributes, type Counter, metrics } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';

/** What the worker counts, served as Prometheus text. */
export class WorkerMetrics {
  readonly #exporter = new PrometheusExporter({ preventServerStart: true });
  readonly #provider = new MeterProvider({ readers: [this.#exporter] });
  readonly #settled: Counter;
  readonly #contexts: Counter;

  constructor() {
    metrics.setGlobalMeterProvider(this.#provider);
    const meter = this.#provider.getMeter('throughline-worker');
    this.#settled = meter.createCounter('throughline.jobs.settled', {
      description: 'Deliveries settled, by what came of them',
    });
    this.#contexts = meter.createCounter('throughline.trace_context.extracted', {
      description: 'Trace contexts read from job messages, by outcome and reason',
    });
  }

  /** One delivery was settled. */
  jobSettled(conclusion: string): void {
    this.#settled.add(1, { conclusion });
  }

  /** One trace context was read: continued, absent, or invalid and why. */
  contextExtracted(outcome: string, reason: string | undefined): void {
    const attributes: Attributes = reason === undefined ? { outcome } : { outcome, reason };
    this.#contexts.add(1, attributes);
  }

  /** Answers `GET /metrics`. */
  respond(request: IncomingMessage, response: ServerResponse): void {
    this.#exporter.getMetricsRequestHandler(request, response);
  }

  async shutdown(): Promise<void> {
    await this.#provider.shutdown();
  }
}
