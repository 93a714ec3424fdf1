/** An AsyncAPI 3 document of all channels: which subjects there are, who writes and reads them, and what a message holds. */
import { OPERATION, OPERATION_MAX_LENGTH, TOKEN } from '../../shared/job/job-address.ts';
import { PRIORITIES } from '../../shared/job/priority.ts';
import { EVENT_FIELDS } from '../../shared/propagation/carrier.ts';
import { HEADER } from '../../shared/wire/headers.ts';
import { OWN_ROUTES, ROUTES } from '../../shared/wire/lanes.ts';
import { type PayloadName, schemaOf } from './schemas.ts';

const LANES = [...new Set([...ROUTES, ...OWN_ROUTES].map(({ lane }) => lane))];

/** What stands for a token of a subject. AsyncAPI's parameters have no pattern, so it is in the description. */
const PARAMETERS = {
  priority: { description: 'How urgent the job is.', enum: [...PRIORITIES] },
  lane: { description: 'The lane of the job.', enum: LANES },
  tenant: { description: `Whose job it is: ${TOKEN.source}` },
  jobId: { description: `The id of the job: ${TOKEN.source}` },
  operation: {
    description: `What to run, whose dots are those of the subject: ${OPERATION.source}, at most ${OPERATION_MAX_LENGTH} characters.`,
  },
  host: {
    description: 'The name of the host and something random; each other byte as = and two hex digits.',
  },
  hash: { description: 'The hash of the key and its value.' },
} as const;
type Parameter = keyof typeof PARAMETERS;

interface Channel {
  readonly address: string;
  readonly what: string;
  readonly message: string;
  /** The payload: one of the schemas, or a schema of its own. */
  readonly payload: PayloadName | Readonly<Record<string, unknown>>;
  readonly headers?: readonly string[];
  readonly writtenBy: readonly string[];
  readonly readBy: readonly string[];
}

const CE = [
  HEADER.ceSpecVersion,
  HEADER.ceId,
  HEADER.ceSource,
  HEADER.ceType,
  HEADER.ceTime,
  HEADER.contentType,
  HEADER.ceDataContentType,
];
const CONTEXT = ['traceparent', 'tracestate', 'baggage'];
const JOB = 'jobs.{priority}.{lane}.{tenant}.{jobId}.{operation}';
const JOB_HEADERS = [
  HEADER.msgId,
  ...CE,
  ...CONTEXT,
  ...Object.values(EVENT_FIELDS),
  HEADER.maxAttempts,
  HEADER.timeoutMs,
  HEADER.fingerprint,
  HEADER.priority,
  HEADER.orderingKey,
  HEADER.tags,
  HEADER.dueBy,
  HEADER.callbackUrl,
  HEADER.callbackEvents,
  HEADER.redriveCount,
  HEADER.previousTraceIds,
  HEADER.outboxTimeMs,
  HEADER.publishedAgain,
];
const SCHEDULE_HEADERS = [HEADER.dueAt, HEADER.schedule, HEADER.scheduleTarget, HEADER.scheduleTtl];
const EVENT_HEADERS = [
  HEADER.msgId,
  HEADER.expectedLast,
  ...CE,
  ...CONTEXT,
  HEADER.operation,
  HEADER.attempt,
  HEADER.maxAttempts,
  HEADER.acceptedAt,
  HEADER.startedAt,
  HEADER.traceId,
  HEADER.errorCode,
  HEADER.tags,
  HEADER.redriveCount,
  HEADER.previousTraceIds,
];
const DEAD_HEADERS = [HEADER.deadReason, HEADER.deadAttempts, HEADER.deadMessage, HEADER.deadDetail];
const ANY_JSON = { description: 'The input of the job: any JSON.' };

const CHANNELS: Readonly<Record<string, Channel>> = {
  jobs: {
    address: JOB,
    what: 'A job in the queue (stream JOBS).',
    message: 'job',
    payload: ANY_JSON,
    headers: JOB_HEADERS,
    writtenBy: ['producer', 'edge'],
    readBy: ['worker'],
  },
  delayed: {
    address: JOB.replace('jobs', 'delayed'),
    what: 'A job that waits for its time (stream DELAYED).',
    message: 'delayedJob',
    payload: ANY_JSON,
    headers: [...JOB_HEADERS, ...SCHEDULE_HEADERS],
    writtenBy: ['producer', 'edge'],
    readBy: ['edge'],
  },
  events: {
    address: 'events.{tenant}.{jobId}',
    what: 'What happened to a job (stream EVENTS).',
    message: 'event',
    payload: 'event',
    headers: EVENT_HEADERS,
    writtenBy: ['worker', 'edge'],
    readBy: ['edge', 'worker'],
  },
  callbackEvents: {
    address: 'events.{tenant}.{jobId}.callback',
    what: 'What became of a callback (stream EVENTS).',
    message: 'callbackEvent',
    payload: 'callback-event',
    headers: [HEADER.msgId, ...CE, ...CONTEXT],
    writtenBy: ['worker'],
    readBy: ['edge', 'worker'],
  },
  dead: {
    address: 'dead.{tenant}.{jobId}.{operation}',
    what: 'A job that has failed (stream DEAD).',
    message: 'deadLetter',
    payload: ANY_JSON,
    headers: [...JOB_HEADERS, ...DEAD_HEADERS],
    writtenBy: ['worker'],
    readBy: ['edge'],
  },
  cancels: {
    address: 'cancel.{tenant}.{jobId}',
    what: 'A notice that a job is cancelled (stream CANCELS).',
    message: 'cancelNotice',
    payload: { description: 'Empty.' },
    headers: [...CE, ...CONTEXT, HEADER.jobSequence],
    writtenBy: ['edge'],
    readBy: ['worker'],
  },
  callbacks: {
    address: 'callbacks.{tenant}.{jobId}',
    what: 'A request to tell a URL how a job ended (stream CALLBACKS).',
    message: 'callbackTask',
    payload: 'event',
    headers: [HEADER.msgId, ...CE, ...CONTEXT, HEADER.callbackUrl],
    writtenBy: ['worker', 'edge'],
    readBy: ['worker'],
  },
  operations: {
    address: '$KV.OPERATIONS.{operation}',
    what: 'What can be run (bucket OPERATIONS).',
    message: 'operation',
    payload: 'operation',
    headers: [HEADER.startedAt],
    writtenBy: ['worker'],
    readBy: ['edge', 'worker'],
  },
  pauses: {
    address: '$KV.OPERATIONS._paused.{operation}',
    what: 'Whether an operation is paused.',
    message: 'pause',
    payload: 'pause',
    writtenBy: ['operator'],
    readBy: ['worker', 'edge'],
  },
  hosts: {
    address: '$KV.HOSTS.{host}',
    what: 'Which workers are alive (bucket HOSTS).',
    message: 'host',
    payload: 'host',
    writtenBy: ['worker'],
    readBy: ['edge', 'worker'],
  },
  limits: {
    address: '$KV.LIMITS.{tenant}.{hash}.{operation}',
    what: 'Who runs under a limit (bucket LIMITS).',
    message: 'limitEntry',
    payload: 'limit-entry',
    writtenBy: ['worker'],
    readBy: ['worker'],
    headers: [HEADER.expectedLast, HEADER.ttl, HEADER.limitWriter],
  },
};

export function asyncApi() {
  const entries = Object.entries(CHANNELS);
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Throughline on NATS',
      version: '1.0.0',
      description:
        'The channels of docs/PROTOCOL.md, which says what a program must do. Header values are texts.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    servers: {
      nats: { host: '127.0.0.1:4222', protocol: 'nats', description: 'nats-server with JetStream.' },
    },
    channels: Object.fromEntries(entries.map(([name, channel]) => [name, channelOf(channel)])),
    operations: Object.fromEntries(
      entries.flatMap(([name, { writtenBy, readBy }]) => [
        ...writtenBy.map((who) => [`${who}.${name}.write`, operationOf('send', name)]),
        ...readBy.map((who) => [`${who}.${name}.read`, operationOf('receive', name)]),
      ]),
    ),
    components: {
      messages: Object.fromEntries(entries.map(([, channel]) => [channel.message, messageOf(channel)])),
      schemas: schemasOf(entries.map(([, { payload }]) => payload)),
    },
  };
}

function channelOf({ address, what, message }: Channel) {
  const names = [...address.matchAll(/\{([a-zA-Z]+)\}/g)].map(([, name = '']) => name as Parameter);
  return {
    address,
    description: what,
    messages: { [message]: { $ref: `#/components/messages/${message}` } },
    parameters: Object.fromEntries(names.map((name) => [name, PARAMETERS[name]])),
  };
}

function messageOf({ what, message, payload, headers = [] }: Channel) {
  const properties = Object.fromEntries(headers.map((name) => [name, { type: 'string' }]));
  return {
    name: message,
    summary: what,
    ...(headers.length === 0 ? {} : { headers: { type: 'object', properties } }),
    payload: typeof payload === 'string' ? { $ref: `#/components/schemas/${payload}` } : payload,
  };
}

function operationOf(action: 'send' | 'receive', channel: string) {
  return { action, channel: { $ref: `#/channels/${channel}` } };
}

/** AsyncAPI's schemas are those of JSON Schema draft-07 and later, without the keyword that names the draft. */
function schemasOf(payloads: readonly Channel['payload'][]) {
  const names = [...new Set(payloads)].filter((payload) => typeof payload === 'string');
  return Object.fromEntries(
    names.map((name) => {
      const { $schema: _, ...schema } = schemaOf(name);
      return [name, schema];
    }),
  );
}
