import { CANCELLED_ERROR } from '../../shared/job/attempt-report.ts';

/** The example values of the document. */
const ID = '0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11';
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const WORKER = 'worker-1';
/** An event id or a cursor. */
export const SEALED = 'mF1t0yq3VbqkX9dYw2eZNg';
const SPAN_ID = '00f067aa0ba902b7';

const accepted = {
  id: ID,
  operation: 'text.count',
  attempt: 0,
  maxAttempts: 3,
  durability: 'stream',
  acceptedAt: '2026-01-02T03:04:05.000Z',
  traceId: TRACE_ID,
  links: { self: `/v1/jobs/${ID}` },
} as const;

export const QUEUED_JOB = { ...accepted, state: 'queued' } as const;

export const ENDED_JOB = {
  ...accepted,
  state: 'succeeded',
  attempt: 1,
  startedAt: '2026-01-02T03:04:05.012Z',
  finishedAt: '2026-01-02T03:04:05.020Z',
  result: { words: 2 },
} as const;

export const CANCELLED_JOB = {
  ...accepted,
  state: 'cancelled',
  finishedAt: '2026-01-02T03:04:06.000Z',
  error: CANCELLED_ERROR,
} as const;

export const READ_JOB = {
  ...ENDED_JOB,
  attempts: [
    {
      number: 1,
      worker: WORKER,
      startedAt: ENDED_JOB.startedAt,
      endedAt: ENDED_JOB.finishedAt,
      outcome: 'succeeded',
      spanId: SPAN_ID,
    },
  ],
} as const;

export const STARTED_EVENT = {
  id: SEALED,
  kind: 'started',
  jobId: ID,
  operation: 'text.count',
  attempt: 1,
  maxAttempts: 3,
  released: 0,
  acceptedAt: accepted.acceptedAt,
  startedAt: ENDED_JOB.startedAt,
  at: ENDED_JOB.startedAt,
  worker: WORKER,
  traceId: TRACE_ID,
  spanId: SPAN_ID,
} as const;

/** The text of an event stream. */
export const EVENT_STREAM = `retry: 1000\n\nid: ${SEALED}\nevent: started\ndata: ${JSON.stringify(STARTED_EVENT)}\n\n`;

export const SUBMISSION = { operation: 'text.count', input: { text: 'hello world' } } as const;

export const LATER = {
  ...SUBMISSION,
  delay: '90s',
  timeout: '30s',
  maxAttempts: 3,
  callback: { url: 'https://acme.example/hooks', events: ['failed'] },
} as const;

export const REFUSED_RESULT = {
  status: 422,
  problem: {
    type: 'urn:throughline:problem:operation-unknown',
    title: 'No worker has announced this operation',
    status: 422,
    code: 'operation-unknown',
    detail: 'no worker has announced ecco; did you mean echo?',
    suggestions: ['echo'],
  },
} as const;

export const DEAD_LETTER = {
  id: ID,
  operation: 'text.count',
  reason: 'operation-failed',
  message: 'connect ECONNREFUSED 10.0.0.7:5432',
  attempts: 3,
  diedAt: '2026-01-02T03:05:00.000Z',
  traceId: TRACE_ID,
  links: { self: `/v1/dead-letters/${ID}`, job: `/v1/jobs/${ID}` },
} as const;

export const REDRIVEN_JOB = {
  ...QUEUED_JOB,
  traceId: 'a3ce929d0e0e47364bf92f3577b34da6',
  previousTraceIds: [TRACE_ID],
} as const;

export const PENDING_JOB = { ...QUEUED_JOB, durability: 'outbox' } as const;

export const OUTBOX_ITEM = {
  id: `${ID}-r17`,
  jobId: ID,
  state: 'rejected',
  operation: 'text.count',
  addedAt: accepted.acceptedAt,
  tries: 1,
  reason: 'payload-too-large: the broker takes no message of this size',
} as const;

const { result: _, ...summary } = ENDED_JOB;
export const JOB_SUMMARY = summary;

export const BRIDGE = {
  bridge: 'bridge-global-0',
  state: 'open',
  connections: 1,
  roundTripMs: 2,
  watchedJobs: 0,
  workerHosts: 3,
  unservedJobs: 0,
  problems: [],
  warnings: [],
  uncheckedInputs: { overBudget: 0, failed: 0, rulesChanged: 0 },
  queue: { bytes: 20_480, maxBytes: 20_000_000_000 },
  delayed: { bytes: 0, maxBytes: 12_500_000_000 },
  quotaUse: {
    jobs: 0.1,
    bytes: 0.02,
    delayedJobs: 0,
    delayedBytes: 0,
    storedBytes: 0,
    outboxJobs: 0,
    outboxBytes: 0,
    waits: 0.25,
    streams: 0.01,
  },
  quotaRefusals: { waits: 3 },
  outbox: { pending: 0, rejected: 0, published: 0, bytes: 0, oldestAgeSeconds: 0 },
} as const;

const EXAMPLE_USAGE = {
  jobs: 12,
  bytes: 4_096,
  delayedJobs: 2,
  delayedBytes: 512,
  storedBytes: 0,
  outboxJobs: 0,
  outboxBytes: 0,
  waits: 1,
  streams: 3,
  schedules: 4,
};
const EXAMPLE_QUOTAS = {
  jobs: 250_000,
  bytes: 1_073_741_824,
  delayedJobs: 50_000,
  delayedBytes: 67_108_864,
  storedBytes: 1_099_511_627_776,
  outboxJobs: 50_000,
  outboxBytes: 536_870_912,
  waits: 200,
  streams: 200,
  schedules: 100,
  requests: 2_000,
};
export const USAGE = { used: EXAMPLE_USAGE, quotas: EXAMPLE_QUOTAS } as const;

export const OPERATION = {
  name: 'text.count',
  inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
  edgeChecks: 'whole',
  timeoutMs: 10_000,
  maxAttempts: 3,
} as const;

const TIMES = { cron: '30 6 * * MON-FRI', timeZone: 'Europe/Berlin' } as const;

export const SCHEDULE_REQUEST = { ...SUBMISSION, ...TIMES, overlap: 'skip' } as const;

const shownSchedule = {
  name: 'nightly-report',
  operation: SUBMISSION.operation,
  ...TIMES,
  paused: false,
  createdAt: accepted.acceptedAt,
  updatedAt: accepted.acceptedAt,
  links: { self: '/v1/schedules/nightly-report' },
} as const;

export const SCHEDULE_SUMMARY = { ...shownSchedule, nextRun: '2026-01-06T05:30:00.000Z' } as const;

export const SCHEDULE = {
  ...SCHEDULE_REQUEST,
  ...shownSchedule,
  catchUp: 'last',
  nextRuns: [SCHEDULE_SUMMARY.nextRun],
  lastRuns: [
    {
      scheduledFor: '2026-01-05T05:30:00.000Z',
      outcome: 'submitted',
      jobId: ID,
      links: { job: `/v1/jobs/${ID}` },
    },
  ],
} as const;
