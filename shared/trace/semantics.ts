/**
 * The names of services and of span attributes. They follow OpenTelemetry's semantic conventions, see docs/TELEMETRY.md. Our
 * own attributes begin with `throughline.`.
 */

export const SERVICE = {
  cli: 'throughline-cli',
  edge: 'throughline-edge',
  bridge: 'throughline-bridge',
  index: 'throughline-index',
  schedules: 'throughline-schedules',
  worker: 'throughline-worker',
} as const;

export const ATTR = {
  messagingSystem: 'messaging.system',
  operationType: 'messaging.operation.type',
  operationName: 'messaging.operation.name',
  destinationName: 'messaging.destination.name',
  destinationTemplate: 'messaging.destination.template',
  messageId: 'messaging.message.id',
  messageBodySize: 'messaging.message.body.size',
  errorType: 'error.type',
  refusal: 'throughline.refusal',
  jobId: 'throughline.job.id',
  jobOperation: 'throughline.job.operation',
  jobTenant: 'throughline.job.tenant',
  jobAttempt: 'throughline.job.attempt',
  jobOutcome: 'throughline.job.outcome',
  jobRedriveCount: 'throughline.job.redrive_count',
  limitBy: 'throughline.limit.by',
  outboxTimeMs: 'throughline.job.outbox_time_ms',
  durability: 'throughline.job.durability',
  traceOutcome: 'throughline.trace.outcome',
  traceReason: 'throughline.trace.reason',
  httpMethod: 'http.request.method',
  httpRoute: 'http.route',
  httpStatus: 'http.response.status_code',
  serverAddress: 'server.address',
  serverPort: 'server.port',
  urlFull: 'url.full',
  indexName: 'throughline.index.name',
  scheduleName: 'throughline.schedule.name',
  scheduledFor: 'throughline.schedule.scheduled_for',
} as const;

/** Attributes that only the worker writes. They are apart, since each byte of the edge counts. */
export const WORKER_ATTR = {
  consumerGroup: 'messaging.consumer.group.name',
  queueTimeMs: 'throughline.job.queue_time_ms',
  limitWaitMs: 'throughline.limit.wait_ms',
  callbackOutcome: 'throughline.callback.outcome',
  httpResendCount: 'http.request.resend_count',
  jobErrorCode: 'throughline.job.error_code',
  settleDelayMs: 'throughline.settle.delay_ms',
  clockSkewMs: 'throughline.clock.skew_ms',
} as const;

/** The service of the spans that show what nats-server did, and the part that makes them. */
export const BROKER = { service: 'nats', scope: 'throughline-broker-spans' } as const;

export const MESSAGING_SYSTEM = 'nats';
