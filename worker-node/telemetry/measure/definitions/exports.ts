import type { AttributeValues, MetricDefinition } from '../../../../shared/trace/metric.ts';

const COUNTS = 'worker-node/telemetry/export/losses.ts';
const GAUGES = 'worker-node/gauges.ts';
const ERROR: AttributeValues = ['export_failed', 'rejected'];
/** A success has no `error.type`. */
const STARTS = [{}, { 'error.type': 'export_failed' }, { 'error.type': 'rejected' }];

/** How spans, log records and metrics leave, by the names of the conventions for OpenTelemetry's SDKs. */
export const EXPORT_METRICS = {
  spansQueue: {
    name: 'otel.sdk.processor.span.queue.size',
    instrument: 'updowncounter',
    unit: '{span}',
    description: 'Spans that wait for their export. Absent if no spans are sent.',
    attributes: {},
    where: GAUGES,
  },
  spansCapacity: {
    name: 'otel.sdk.processor.span.queue.capacity',
    instrument: 'updowncounter',
    unit: '{span}',
    description: 'Spans that may wait (`OTEL_BSP_MAX_QUEUE_SIZE`). Absent if no spans are sent.',
    attributes: {},
    where: GAUGES,
  },
  spansInFlight: {
    name: 'otel.sdk.exporter.span.inflight',
    instrument: 'updowncounter',
    unit: '{span}',
    description: 'Spans that are being sent.',
    attributes: {},
    where: GAUGES,
  },
  spansExported: {
    name: 'otel.sdk.exporter.span.exported',
    instrument: 'counter',
    unit: '{span}',
    description: 'Spans whose export has ended; those with an `error.type` did not reach the collector.',
    attributes: { 'error.type': ERROR },
    starts: STARTS,
    where: COUNTS,
  },
  logsQueue: {
    name: 'otel.sdk.processor.log.queue.size',
    instrument: 'updowncounter',
    unit: '{log_record}',
    description: 'Log records that wait for their export. Absent if none are sent.',
    attributes: {},
    where: GAUGES,
  },
  logsCapacity: {
    name: 'otel.sdk.processor.log.queue.capacity',
    instrument: 'updowncounter',
    unit: '{log_record}',
    description: 'Log records that may wait (`OTEL_BLRP_MAX_QUEUE_SIZE`). Absent if none are sent.',
    attributes: {},
    where: GAUGES,
  },
  logsInFlight: {
    name: 'otel.sdk.exporter.log.inflight',
    instrument: 'updowncounter',
    unit: '{log_record}',
    description: 'Log records that are being sent.',
    attributes: {},
    where: GAUGES,
  },
  logsExported: {
    name: 'otel.sdk.exporter.log.exported',
    instrument: 'counter',
    unit: '{log_record}',
    description:
      'Log records whose export has ended; those with an `error.type` did not reach the collector.',
    attributes: { 'error.type': ERROR },
    starts: STARTS,
    where: COUNTS,
  },
  metricsInFlight: {
    name: 'otel.sdk.exporter.metric_data_point.inflight',
    instrument: 'updowncounter',
    unit: '{data_point}',
    description: 'Data points of metrics that are being sent.',
    attributes: {},
    where: GAUGES,
  },
  metricsExported: {
    name: 'otel.sdk.exporter.metric_data_point.exported',
    instrument: 'counter',
    unit: '{data_point}',
    description:
      'Data points whose export has ended; those with an `error.type` did not reach the collector.',
    attributes: { 'error.type': ERROR },
    starts: STARTS,
    where: COUNTS,
  },
} as const satisfies Record<string, MetricDefinition>;
