/**
 * The names of services and of span attributes. They follow OpenTelemetry's messaging conventions. Our own attributes
 * begin with `throughline.`.
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
  consumerGroup: 'messaging.consumer.group.name',
  errorType: 'error.type',
  jobId: 'throughline.job.id',
  jobOperation: 'throughline.job.operation',
  jobTenant: 'throughline.job.tenant',
  jobAttempt: 'throughline.job.attempt',
  jobOutcome: 'throughline.job.outcome',
  jobRedriveCount: 'throughline.job.redrive_count',
  queueTimeMs: 'throughline.job.queue_time_ms',
  limitBy: 'throughline.limit.by',
  limitWaitMs: 'throughline.limit.wait_ms',
  outboxTimeMs: 'throughline.job.outbox_time_ms',
  durability: 'throughline.job.durability',
  traceOutcome: 'throughline.trace.outcome',
  traceReason: 'throughline.trace.reason',
  bridgeName: 'throughline.bridge.name',
  callbackOutcome: 'throughline.callback.outcome',
  httpMethod: 'http.request.method',
  httpRoute: 'http.route',
  httpResendCount: 'http.request.resend_count',
  httpStatus: 'http.response.status_code',
  serverAddress: 'server.address',
  urlFull: 'url.full',
  indexName: 'throughline.index.name',
  scheduleName: 'throughline.schedule.name',
  scheduledFor: 'throughline.schedule.scheduled_for',
} as const;

/** The values of `messaging.destination.template`: subjects with names in place of the tokens that differ. */
export const TEMPLATE = {
  jobs: 'jobs.{priority}.{lane}.{tenant}.{jobId}.{operation}',
  events: 'events.{tenant}.{jobId}',
  dead: 'dead.{tenant}.{jobId}.{operation}',
} as const;

export const MESSAGING_SYSTEM = 'nats';
