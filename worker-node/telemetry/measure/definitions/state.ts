import {
  CALLBACKS_STREAM,
  DEAD_STREAM,
  DELAYED_STREAM,
  JOBS_STREAM,
} from '../../../../shared/nats/streams.ts';
import type { MetricDefinition } from '../../../../shared/trace/metric.ts';
import { OPERATION } from './common.ts';

const STREAMS = [JOBS_STREAM, DELAYED_STREAM, DEAD_STREAM, CALLBACKS_STREAM];
const CONSUMER = { bounded: 'the consumers of the worker group: 32, and three for each own lane' };
const LOOP = { loop: ['jobs', 'callbacks'] };
const GAUGES = 'worker-node/gauges.ts';
const RUNTIME = 'worker-node/telemetry/measure/runtime.ts';

/** The state of this host, of NATS, and of the process. */
export const STATE_METRICS = {
  slotsTaken: {
    name: 'throughline.slots.taken',
    instrument: 'gauge',
    unit: '{delivery}',
    description: 'Deliveries that are handled now.',
    attributes: LOOP,
    where: GAUGES,
  },
  slotsMax: {
    name: 'throughline.slots.max',
    instrument: 'gauge',
    unit: '{delivery}',
    description: 'Deliveries that may be handled at the same time.',
    attributes: LOOP,
    where: GAUGES,
  },
  streamBytes: {
    name: 'throughline.stream.bytes',
    instrument: 'gauge',
    unit: 'By',
    description: 'Bytes in a stream.',
    attributes: { stream: STREAMS },
    where: GAUGES,
  },
  streamMaxBytes: {
    name: 'throughline.stream.max_bytes',
    instrument: 'gauge',
    unit: 'By',
    description: 'Bytes that a stream may hold. Absent for a stream without a cap.',
    attributes: { stream: STREAMS },
    where: GAUGES,
  },
  streamMessages: {
    name: 'throughline.stream.messages',
    instrument: 'gauge',
    unit: '{message}',
    description:
      'Messages in a stream. JOBS: jobs that wait or run; DELAYED: jobs that are not due, and a copy of each for 7 days after its time; DEAD: dead letters.',
    attributes: { stream: STREAMS },
    where: GAUGES,
  },
  streamOldest: {
    name: 'throughline.stream.oldest_age',
    instrument: 'gauge',
    unit: 's',
    description: 'The age of the oldest message in a stream. JOBS: of the oldest job that waits or runs.',
    attributes: { stream: STREAMS },
    where: GAUGES,
  },
  consumerWaiting: {
    name: 'throughline.consumer.waiting_messages',
    instrument: 'gauge',
    unit: '{message}',
    description: 'Jobs of a lane that no host has: how far its consumer lags.',
    attributes: { consumer: CONSUMER },
    where: GAUGES,
  },
  consumerUnacked: {
    name: 'throughline.consumer.unacked_messages',
    instrument: 'gauge',
    unit: '{message}',
    description: 'Jobs of a lane that hosts have and have not settled.',
    attributes: { consumer: CONSUMER },
    where: GAUGES,
  },
  consumerRedelivered: {
    name: 'throughline.consumer.redelivered_messages',
    instrument: 'gauge',
    unit: '{message}',
    description: 'Jobs of a lane that are not settled, and were delivered more than once.',
    attributes: { consumer: CONSUMER },
    where: GAUGES,
  },
  hosts: {
    name: 'throughline.hosts.live',
    instrument: 'gauge',
    unit: '{host}',
    description: 'Worker hosts that are alive, as this host knows.',
    attributes: {},
    where: GAUGES,
  },
  operationHosts: {
    name: 'throughline.operation.hosts',
    instrument: 'gauge',
    unit: '{host}',
    description: 'Worker hosts that are alive and announce an operation.',
    attributes: { operation: OPERATION },
    where: GAUGES,
  },
  natsConnected: {
    name: 'throughline.nats.connected',
    instrument: 'gauge',
    unit: '{connection}',
    description: '1: this host is connected to NATS. 0: it is not.',
    attributes: {},
    where: GAUGES,
  },
  natsReconnects: {
    name: 'throughline.nats.reconnects',
    instrument: 'counter',
    unit: '{reconnect}',
    description: 'Connections to NATS that were made again after a loss.',
    attributes: {},
    where: 'worker-node/broker/connection/connection-watch.ts',
  },
  natsRoundTrip: {
    name: 'throughline.nats.round_trip.time',
    instrument: 'gauge',
    unit: 's',
    description: 'To NATS and back. Absent while NATS does not answer.',
    attributes: {},
    where: GAUGES,
  },
  permissionsMissing: {
    name: 'throughline.nats.permissions_missing',
    instrument: 'counter',
    unit: '{permission}',
    description: 'Permissions that the user of NATS turned out not to have, by action and subject.',
    attributes: {
      action: ['publish', 'subscribe'],
      subject: { bounded: 'a line of deploy/nats/permissions.conf' },
    },
    where: 'worker-node/broker/permissions/permission-watch.ts',
  },
  spansLost: {
    name: 'throughline.spans.lost',
    instrument: 'counter',
    unit: '{span}',
    description: 'Spans that did not reach the collector, by reason.',
    attributes: { reason: ['queueFull', 'exportFailed', 'rejected'] },
    where: 'worker-node/telemetry/export/losses.ts',
  },
  logsLost: {
    name: 'throughline.logs.lost',
    instrument: 'counter',
    unit: '{record}',
    description: 'Log records that did not reach the collector, by reason.',
    attributes: { reason: ['queueFull', 'exportFailed', 'rejected'] },
    where: 'worker-node/telemetry/export/losses.ts',
  },
  metricsLost: {
    name: 'throughline.metrics.lost',
    instrument: 'counter',
    unit: '{data_point}',
    description:
      'Data points that did not reach the collector, by reason. The next export has the totals again.',
    attributes: { reason: ['exportFailed', 'rejected'] },
    where: 'worker-node/telemetry/export/losses.ts',
  },
  loopDelay: {
    name: 'nodejs.eventloop.delay.p99',
    instrument: 'gauge',
    unit: 's',
    description: 'The delay of the event loop since the last reading, 99th percentile.',
    attributes: {},
    where: RUNTIME,
  },
  loopUtilization: {
    name: 'nodejs.eventloop.utilization',
    instrument: 'gauge',
    unit: '1',
    description: 'The share of time for which the event loop was busy since the last reading.',
    attributes: {},
    where: RUNTIME,
  },
  heapUsed: {
    name: 'v8js.memory.heap.used',
    instrument: 'updowncounter',
    unit: 'By',
    description: 'Bytes of the heap that are used, by space.',
    attributes: { 'v8js.heap.space.name': { bounded: 'the spaces of V8, about ten' } },
    where: RUNTIME,
  },
  heapLimit: {
    name: 'throughline.heap.limit',
    instrument: 'gauge',
    unit: 'By',
    description: 'Bytes that the heap may take in all.',
    attributes: {},
    where: RUNTIME,
  },
} as const satisfies Record<string, MetricDefinition>;
