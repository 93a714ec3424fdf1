import type {
  BaggageDropReason,
  ExtractReason,
  TracestateDropReason,
} from '../../../../shared/propagation/index.ts';
import type { MetricDefinition } from '../../../../shared/trace/metric.ts';
import { ERROR_TYPE, LONG, OTHER, SHORT } from './common.ts';

const CALLBACK_OUTCOMES = [
  'delivered',
  'retrying',
  'failed',
  'released',
  'postponed',
  'repeated',
  'unreadable',
  'unsettled',
];
const HOPS = ['job', 'callback'] as const;
const REFUSED = [
  'repeated',
  'too-long',
  'malformed',
  'version-ff',
  'extra-data',
  'zero-trace-id',
  'zero-parent-id',
  'unreadable',
] as const satisfies readonly ExtractReason[];
const TRACESTATE_DROPS = [
  'unreadable',
  'too-long',
  'too-many-members',
  'malformed-key',
  'malformed-value',
  'duplicate-key',
  'over-512',
] as const satisfies readonly TracestateDropReason[];
const BAGGAGE_DROPS = [
  'unreadable',
  'too-long',
  'too-many-members',
  'malformed',
  'duplicate-key',
] as const satisfies readonly BaggageDropReason[];
const NATS = ['nats'];
/** The kinds of messages that a worker gets. */
const CONSUMED = ['jobs', 'callbacks'];
/** The kinds of messages that a worker sends: the first tokens of their subjects. */
export const SENT: readonly string[] = ['events', 'dead', 'callbacks'];
const MEASURED = 'worker-node/broker/measured-publisher.ts';
const PIPELINE = 'worker-node/jobs/pipeline.ts';
const LOOP = 'worker-node/broker/consume/consume-loop.ts';
const DELIVERER = 'worker-node/callbacks/callback-deliverer.ts';

/** What is counted about messages, and about the trace contexts in them. */
export const MESSAGE_METRICS = {
  contextExtracted: {
    name: 'throughline.trace_context.extracted',
    instrument: 'counter',
    unit: '{message}',
    description: 'Trace contexts that were read, by hop, outcome and reason.',
    attributes: {
      hop: HOPS,
      outcome: ['continued', 'absent', 'invalid'],
      reason: REFUSED,
    },
    starts: HOPS.flatMap((hop) => [
      { hop, outcome: 'continued' },
      { hop, outcome: 'absent' },
      ...REFUSED.map((reason) => ({ hop, outcome: 'invalid', reason })),
    ]),
    where: `${PIPELINE}, ${DELIVERER}`,
  },
  contextDropped: {
    name: 'throughline.trace_context.dropped_members',
    instrument: 'counter',
    unit: '{member}',
    description: 'Members of tracestate and baggage that were dropped, by field and reason.',
    attributes: {
      field: ['tracestate', 'baggage'],
      reason: [...new Set([...TRACESTATE_DROPS, ...BAGGAGE_DROPS])],
    },
    starts: [
      ...TRACESTATE_DROPS.map((reason) => ({ field: 'tracestate', reason })),
      ...BAGGAGE_DROPS.map((reason) => ({ field: 'baggage', reason })),
    ],
    where: PIPELINE,
  },
  callbackTrace: {
    name: 'throughline.callbacks.trace_response',
    instrument: 'counter',
    unit: '{response}',
    description: 'Answers of callback receivers, by what their `traceresponse` says about the trace.',
    attributes: { outcome: ['continued', 'other-trace', 'absent', 'invalid'] },
    where: DELIVERER,
  },
  processDuration: {
    name: 'messaging.process.duration',
    instrument: 'histogram',
    unit: 's',
    description: 'From the moment at which a message was taken to its ack.',
    attributes: {
      'messaging.system': NATS,
      'messaging.operation.name': ['process'],
      'messaging.destination.name': CONSUMED,
      'messaging.consumer.group.name': { bounded: '`WORKER_GROUP`' },
      'error.type': ERROR_TYPE,
    },
    buckets: LONG,
    where: `${PIPELINE}, ${DELIVERER}`,
  },
  consumed: {
    name: 'messaging.client.consumed.messages',
    instrument: 'counter',
    unit: '{message}',
    description: 'Messages that NATS delivered, once for each delivery.',
    attributes: {
      'messaging.system': NATS,
      'messaging.operation.name': ['receive'],
      'messaging.destination.name': CONSUMED,
    },
    where: LOOP,
  },
  redelivered: {
    name: 'throughline.messages.redelivered',
    instrument: 'counter',
    unit: '{message}',
    description: 'Messages that NATS had delivered to a host before.',
    attributes: { 'messaging.destination.name': CONSUMED },
    where: LOOP,
  },
  sent: {
    name: 'messaging.client.sent.messages',
    instrument: 'counter',
    unit: '{message}',
    description:
      'Messages that this host published, once for each try. `broker-rejected` of events is usually no fault: another event of the job was first.',
    attributes: {
      'messaging.system': NATS,
      'messaging.operation.name': ['send'],
      'messaging.destination.name': [...SENT, OTHER],
      'error.type': ERROR_TYPE,
    },
    where: MEASURED,
  },
  operationDuration: {
    name: 'messaging.client.operation.duration',
    instrument: 'histogram',
    unit: 's',
    description: 'How long NATS took to store a message.',
    attributes: {
      'messaging.system': NATS,
      'messaging.operation.name': ['send'],
      'messaging.destination.name': [...SENT, OTHER],
      'error.type': ERROR_TYPE,
    },
    buckets: SHORT,
    where: MEASURED,
  },
  callbacks: {
    name: 'throughline.callbacks',
    instrument: 'counter',
    unit: '{delivery}',
    description:
      'Deliveries of callback tasks, by outcome. Those that are postponed or repeated sent nothing.',
    attributes: { outcome: CALLBACK_OUTCOMES },
    where: DELIVERER,
  },
} as const satisfies Record<string, MetricDefinition>;
