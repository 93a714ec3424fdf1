import type { ServerResponse } from 'node:http';
import { type Attributes, metrics } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { type IMetricReader, MeterProvider, type MetricProducer } from '@opentelemetry/sdk-metrics';
import { ERROR_CODES } from '../../shared/errors.ts';
import type { Extraction } from '../../shared/propagation/index.ts';
import type { MetricDefinition } from '../../shared/trace/metric.ts';
import { ATTR, MESSAGING_SYSTEM } from '../../shared/trace/semantics.ts';
import { SCHEMA_URL } from '../../shared/trace/tracer.ts';
import { VERSION } from '../../shared/version.ts';
import { registerGlobally } from './api-version.ts';
import type { Signal } from './export/losses.ts';
import { MAX_TENANTS, OTHER } from './measure/definitions/common.ts';
import { ATTEMPT_ENDS, ENDS } from './measure/definitions/jobs.ts';
import { SENT } from './measure/definitions/messages.ts';
import { WORKER_METRICS } from './measure/definitions.ts';
import { Exemplars } from './measure/exemplars.ts';
import { Exposition } from './measure/exposition.ts';
import { Histograms } from './measure/histograms.ts';
import { Instruments, type Readings } from './measure/instruments.ts';
import { RuntimeMetrics } from './measure/runtime.ts';
import { Sums } from './measure/sums.ts';

/** A kind of messages: the first token of their subjects. */
type Destination = 'jobs' | 'callbacks';

/** Makes the readers beside Prometheus. `own` gives the histograms of the worker itself, which the SDK does not know. */
export type MetricReaders = (own: MetricProducer) => readonly IMetricReader[];

export interface WorkerMetricsOptions {
  /** The operations of this host. */
  readonly operations: Iterable<string>;
  /** The worker group of this host. */
  readonly group: string;
  /** Whether some metrics tell tenants apart. */
  readonly tenants: boolean;
  /** What the metrics say about where they come from. */
  readonly resource: Attributes;
  readonly readers?: MetricReaders;
}

/** How an attempt ended. Times are in milliseconds. */
interface AttemptEnd {
  readonly operation: string;
  readonly tenant: string;
  readonly conclusion: string;
  /** 1 for the first attempt. */
  readonly number: number;
  /** How long the operation ran; undefined if it did not. */
  readonly ranMs: number | undefined;
  /** Since the edge accepted the job. */
  readonly endToEndMs: number;
}

const SCOPE = { name: 'throughline-worker', version: VERSION };
const SYSTEM = { [ATTR.messagingSystem]: MESSAGING_SYSTEM };

type MetricName = keyof typeof WORKER_METRICS;
type NameOf<Instrument> = {
  [Name in MetricName]: (typeof WORKER_METRICS)[Name]['instrument'] extends Instrument ? Name : never;
}[MetricName];

/** The metrics of a worker: docs/METRICS.md has them all. They are served as Prometheus text, and sent by other readers. */
export class WorkerMetrics {
  readonly #exemplars = new Exemplars();
  readonly #histograms = new Histograms(WORKER_METRICS, SCOPE);
  readonly #exposition = new Exposition(this.#exemplars, this.#histograms);
  readonly #provider: MeterProvider;
  readonly #instruments: Instruments;
  readonly #runtime: RuntimeMetrics;
  readonly #sums: Sums;
  readonly #operations: ReadonlySet<string>;
  readonly #tenants: Set<string> | undefined;
  readonly #group: string;

  constructor({ operations, group, tenants, resource, readers }: WorkerMetricsOptions) {
    this.#provider = new MeterProvider({
      resource: resourceFromAttributes(resource, { schemaUrl: SCHEMA_URL }),
      readers: [this.#exposition.reader, ...(readers?.(this.#histograms) ?? [])],
    });
    registerGlobally(() => metrics.setGlobalMeterProvider(this.#provider));
    this.#operations = new Set(operations);
    this.#tenants = tenants ? new Set() : undefined;
    this.#group = group;
    const meter = this.#provider.getMeter(SCOPE.name, SCOPE.version);
    this.#instruments = new Instruments(meter, { operation: [...this.#operations] });
    const all: [string, MetricDefinition][] = Object.entries(WORKER_METRICS);
    const counters = all.filter(([, { instrument }]) => instrument === 'counter');
    this.#sums = new Sums(new Map(counters.map(([name, one]) => [name, this.#instruments.counter(one)])));
    this.#instruments.beforeReading(() => this.#sums.flush());
    this.#runtime = new RuntimeMetrics(this.#instruments);
  }

  /** Counts a settled delivery. */
  jobSettled(conclusion: string): void {
    this.#count('settled', { conclusion });
  }

  /**
   * Counts an attempt that starts. Times are in milliseconds.
   * @param job.outboxMs only for the first attempt of a job that came through an outbox
   */
  attemptStarted(job: {
    readonly operation: string;
    readonly tenant: string;
    readonly queueMs: number;
    readonly outboxMs: number | undefined;
  }): void {
    const operation = this.#operationOf(job.operation);
    this.#count('attemptsStarted', { operation });
    this.#record('queueTime', job.queueMs / 1_000, { operation, ...this.#tenantOf(job.tenant) });
    if (job.outboxMs !== undefined) this.#record('outboxTime', job.outboxMs / 1_000, { operation });
  }

  /** Counts the end of an attempt, and that of its job if it has ended. Other conclusions count nothing. */
  attemptEnded(end: AttemptEnd): void {
    const { conclusion: outcome, ranMs, number } = end;
    const operation = this.#operationOf(end.operation);
    if (ranMs !== undefined && ATTEMPT_ENDS.includes(outcome)) {
      this.#count('attemptsEnded', { operation, outcome, ...this.#tenantOf(end.tenant) });
      this.#record('runTime', ranMs / 1_000, { operation, outcome });
    }
    if (!ENDS.includes(outcome)) return;
    this.#count('ended', { operation, outcome });
    // The clock of the edge may be ahead.
    this.#record('endToEndTime', Math.max(0, end.endToEndMs) / 1_000, { operation, outcome });
    this.#record('attempts', ranMs === undefined ? Math.max(0, number - 1) : number, { operation, outcome });
  }

  /** Counts a job that ended because its last event could not be read. */
  recordUnreadable(): void {
    this.#count('recordUnreadable');
  }

  /** Counts an attempt that had to wait for a limit of its operation. @param by which limit */
  jobWaited(by: string): void {
    this.#count('limitsWaited', { by });
  }

  /** Counts a missing permission of this host's user. */
  permissionMissing(action: string, subject: string): void {
    this.#count('permissionsMissing', { action, subject });
  }

  /** Counts spans, log records or data points that did not reach the collector. */
  lost(signal: Signal, reason: string, count: number): void {
    this.#count(`${signal}Lost`, { reason }, count);
  }

  /** Counts spans, log records or data points whose export has ended. @param errorType why it failed, if it did */
  exported(signal: Signal, count: number, errorType?: 'export_failed' | 'rejected'): void {
    const attributes = errorType === undefined ? {} : { 'error.type': errorType };
    this.#count(`${signal}Exported`, attributes, count);
  }

  /** Counts a connection to NATS that was made again. */
  reconnected(): void {
    this.#count('natsReconnects');
  }

  /** Counts a message that NATS delivered. @param isAgain whether a host got it before */
  messageConsumed(destination: Destination, isAgain: boolean): void {
    const name = { 'messaging.destination.name': destination };
    this.#count('consumed', { ...SYSTEM, 'messaging.operation.name': 'receive', ...name });
    if (isAgain) this.#count('redelivered', name);
  }

  /** Measures a message from its delivery to its ack. @param errorType the code of the error, if it failed */
  messageProcessed(destination: Destination, ms: number, errorType?: string): void {
    this.#record('processDuration', ms / 1_000, {
      ...SYSTEM,
      'messaging.operation.name': 'process',
      'messaging.destination.name': destination,
      'messaging.consumer.group.name': this.#group,
      ...errorTypeOf(errorType),
    });
  }

  /** Counts and measures one try to publish a message. @param kind the first token of its subject */
  messageSent(kind: string, ms: number, errorType?: string): void {
    const attributes = {
      ...SYSTEM,
      'messaging.operation.name': 'send',
      'messaging.destination.name': SENT.includes(kind) ? kind : OTHER,
      ...errorTypeOf(errorType),
    };
    this.#count('sent', attributes);
    this.#record('operationDuration', ms / 1_000, attributes);
  }

  /** Counts a delivery of a callback. */
  callbackSettled(outcome: string): void {
    this.#count('callbacks', { outcome });
  }

  /** Counts what the answer of a callback's receiver says about the trace. */
  callbackTraced(outcome: 'continued' | 'other-trace' | 'absent' | 'invalid'): void {
    this.#count('callbackTrace', { outcome });
  }

  /** Counts a trace context that was read: whether it was continued, absent or invalid, and what was dropped from it. */
  contextExtracted({ outcome, reason, dropped }: Extraction, hop: 'job' | 'callback' = 'job'): void {
    this.#count('contextExtracted', { hop, outcome, ...(reason === undefined ? {} : { reason }) });
    this.#countDropped('tracestate', dropped.tracestateMembers, dropped.tracestate);
    this.#countDropped('baggage', dropped.baggageMembers, dropped.baggage);
  }

  /** Shows gauges, which are read when somebody asks for the metrics. */
  observe<Name extends NameOf<'gauge' | 'updowncounter'>>(
    names: readonly Name[],
    read: () => Readings<Name> | Promise<Readings<Name>>,
  ): void {
    const all: Record<string, MetricDefinition> = WORKER_METRICS;
    const definitions = Object.fromEntries(names.map((name) => [name, all[name]]));
    this.#instruments.gauges(definitions as Record<Name, MetricDefinition>, read);
  }

  /** Answers `GET /metrics`. */
  respond(response: ServerResponse): void {
    this.#exposition.respond(response);
  }

  async shutdown(): Promise<void> {
    this.#runtime.stop();
    await this.#provider.shutdown();
  }

  #count(name: NameOf<'counter'>, attributes: Attributes = {}, value = 1): void {
    this.#sums.add(name, attributes, value);
  }

  #record(name: NameOf<'histogram'>, value: number, attributes: Attributes): void {
    const definition: MetricDefinition = WORKER_METRICS[name];
    this.#histograms.record(name, value, attributes);
    this.#exemplars.note(definition.name, definition.buckets ?? [], value, attributes);
  }

  #countDropped(field: string, members: number, reason: string | undefined): void {
    if (reason !== undefined) this.#count('contextDropped', { field, reason }, Math.max(1, members));
  }

  /** The operations of other hosts may be many. */
  #operationOf(name: string): string {
    return this.#operations.has(name) ? name : OTHER;
  }

  #tenantOf(tenant: string): Attributes {
    if (this.#tenants === undefined) return {};
    if (this.#tenants.size < MAX_TENANTS) this.#tenants.add(tenant);
    return { tenant: this.#tenants.has(tenant) ? tenant : OTHER };
  }
}

function errorTypeOf(code: string | undefined): Attributes {
  if (code === undefined) return {};
  return { 'error.type': ERROR_CODES.some((known) => known === code) ? code : OTHER };
}
