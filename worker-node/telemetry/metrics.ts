import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Attributes, type Counter, metrics } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import type { StreamRoom } from '../../shared/api/health.ts';
import type { Extraction } from '../../shared/propagation/index.ts';
import { SCHEMA_URL } from '../../shared/trace/tracer.ts';
import { registerGlobally } from './api-version.ts';

/** The worker's counters, served as Prometheus text. */
export class WorkerMetrics {
  readonly #exporter = new PrometheusExporter({ preventServerStart: true });
  readonly #provider: MeterProvider;
  readonly #settled: Counter;
  readonly #contexts: Counter;
  readonly #dropped: Counter;
  readonly #callbacks: Counter;
  readonly #unreadable: Counter;
  readonly #permissions: Counter;
  readonly #waited: Counter;

  /** @param resource what the metrics say about where they come from */
  constructor(resource: Attributes) {
    this.#provider = new MeterProvider({
      resource: resourceFromAttributes(resource, { schemaUrl: SCHEMA_URL }),
      readers: [this.#exporter],
    });
    registerGlobally(() => metrics.setGlobalMeterProvider(this.#provider));
    const meter = this.#provider.getMeter('throughline-worker');
    this.#settled = meter.createCounter('throughline.jobs.settled', {
      description: 'Deliveries settled, by conclusion',
    });
    this.#contexts = meter.createCounter('throughline.trace_context.extracted', {
      description: 'Trace contexts read from job messages, by outcome and reason',
    });
    this.#dropped = meter.createCounter('throughline.trace_context.dropped_members', {
      description: 'Members of tracestate and baggage that were dropped, by field and reason',
    });
    this.#unreadable = meter.createCounter('throughline.jobs.record_unreadable', {
      description: 'Jobs that ended because their last event could not be read',
    });
    this.#waited = meter.createCounter('throughline.limits.waited', {
      description: 'Attempts that had to wait for a limit of their operation, by limit',
    });
    this.#permissions = meter.createCounter('throughline.nats.permissions_missing', {
      description: 'Permissions that the user of NATS turned out not to have, by action and subject',
    });
    this.#callbacks = meter.createCounter('throughline.callbacks', {
      description:
        'Deliveries of callback tasks, by outcome; those that are postponed or repeated sent nothing',
    });
  }

  /** Counts a settled delivery. */
  jobSettled(conclusion: string): void {
    this.#settled.add(1, { conclusion });
  }

  /** Counts a job that ended because its last event could not be read. */
  recordUnreadable(): void {
    this.#unreadable.add(1);
  }

  /** Counts an attempt that had to wait for a limit of its operation. @param by which limit */
  jobWaited(by: string): void {
    this.#waited.add(1, { by });
  }

  /** Shows how many jobs wait in this process for a limit of their operation. */
  observeParked(parked: () => number): void {
    const gauge = this.#provider
      .getMeter('throughline-worker')
      .createObservableGauge('throughline.limits.parked', {
        description: 'Jobs that wait in this process, without a slot, for a limit of their operation',
      });
    gauge.addCallback((result) => result.observe(parked()));
  }

  /** Counts a missing permission of this host's user. */
  permissionMissing(action: string, subject: string): void {
    this.#permissions.add(1, { action, subject });
  }

  /** Counts a delivery of a callback. */
  callbackSettled(outcome: string): void {
    this.#callbacks.add(1, { outcome });
  }

  /** Counts a trace context that was read: whether it was continued, absent or invalid, and what was dropped from it. */
  contextExtracted({ outcome, reason, dropped }: Extraction): void {
    this.#contexts.add(1, reason === undefined ? { outcome } : { outcome, reason });
    this.#countDropped('tracestate', dropped.tracestateMembers, dropped.tracestate);
    this.#countDropped('baggage', dropped.baggageMembers, dropped.baggage);
  }

  /** Shows how much the streams of waiting jobs hold, and may hold. @param rooms what is known now, by stream */
  observeRooms(rooms: () => ReadonlyMap<string, StreamRoom>): void {
    const meter = this.#provider.getMeter('throughline-worker');
    const bytes = meter.createObservableGauge('throughline.stream.bytes', {
      description: 'Bytes of the jobs that wait, by stream',
    });
    const maxBytes = meter.createObservableGauge('throughline.stream.max_bytes', {
      description: 'Bytes that jobs that wait may take, by stream',
    });
    bytes.addCallback((result) => {
      for (const [stream, { bytes: held }] of rooms()) result.observe(held, { stream });
    });
    maxBytes.addCallback((result) => {
      for (const [stream, { maxBytes: cap }] of rooms())
        if (cap !== undefined) result.observe(cap, { stream });
    });
  }

  /** Answers `GET /metrics`. */
  respond(request: IncomingMessage, response: ServerResponse): void {
    this.#exporter.getMetricsRequestHandler(request, response);
  }

  #countDropped(field: string, members: number, reason: string | undefined): void {
    if (reason !== undefined) this.#dropped.add(Math.max(1, members), { field, reason });
  }

  async shutdown(): Promise<void> {
    await this.#provider.shutdown();
  }
}
