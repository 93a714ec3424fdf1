import type { MetricDefinition } from '../../../../shared/trace/metric.ts';
import { LONG, OPERATION, TENANT } from './common.ts';

const CONCLUSIONS = [
  'succeeded',
  'retrying',
  'failed',
  'released',
  'operation-missing',
  'waiting',
  'cancelled',
  'duplicate',
  'superseded',
  'unreadable',
  'schedule-repeats',
  'unsettled',
];
/** The conclusions with which a job has ended. */
export const ENDS: readonly string[] = ['succeeded', 'failed', 'cancelled'];
/** The conclusions of an attempt that ran. */
export const ATTEMPT_ENDS: readonly string[] = [...ENDS, 'retrying', 'released'];
const RUNNER = 'worker-node/jobs/attempt-runner.ts';
const RECORDER = 'worker-node/jobs/end-recorder.ts';

/** What is counted about jobs and their attempts. */
export const JOB_METRICS = {
  settled: {
    name: 'throughline.jobs.settled',
    instrument: 'counter',
    unit: '{delivery}',
    description: 'Deliveries of jobs that were settled, by conclusion.',
    attributes: { conclusion: CONCLUSIONS },
    where: 'worker-node/jobs/pipeline.ts',
  },
  ended: {
    name: 'throughline.jobs.ended',
    instrument: 'counter',
    unit: '{job}',
    description:
      'Jobs that ended here, by operation and outcome. Not those whose message could not be read: see the conclusion `unreadable`.',
    attributes: { operation: OPERATION, outcome: ENDS },
    where: RECORDER,
  },
  attemptsStarted: {
    name: 'throughline.attempts.started',
    instrument: 'counter',
    unit: '{attempt}',
    description: 'Attempts that started, by operation.',
    attributes: { operation: OPERATION },
    where: RUNNER,
  },
  attemptsEnded: {
    name: 'throughline.attempts.ended',
    instrument: 'counter',
    unit: '{attempt}',
    description: 'Attempts that ran and ended, by operation and outcome.',
    attributes: { operation: OPERATION, outcome: ATTEMPT_ENDS, tenant: TENANT },
    where: RECORDER,
  },
  queueTime: {
    name: 'throughline.job.queue.time',
    instrument: 'histogram',
    unit: 's',
    description:
      'How long a job waited for its attempt, since it was queued or since the last event of the attempt before. That includes the pause before a retry, and what an attempt took whose host died.',
    attributes: { operation: OPERATION, tenant: TENANT },
    buckets: LONG,
    where: RUNNER,
  },
  runTime: {
    name: 'throughline.job.run.time',
    instrument: 'histogram',
    unit: 's',
    description: 'How long the code of an operation ran in one attempt.',
    attributes: { operation: OPERATION, outcome: ATTEMPT_ENDS },
    buckets: LONG,
    where: RECORDER,
  },
  outboxTime: {
    name: 'throughline.job.outbox.time',
    instrument: 'histogram',
    unit: 's',
    description: 'How long a job that came through an outbox had waited there, at its first attempt.',
    attributes: { operation: OPERATION },
    buckets: LONG,
    where: RUNNER,
  },
  endToEndTime: {
    name: 'throughline.job.end_to_end.time',
    instrument: 'histogram',
    unit: 's',
    description: 'From the moment at which the edge accepted a job to its end, retries and delays included.',
    attributes: { operation: OPERATION, outcome: ENDS },
    buckets: LONG,
    where: RECORDER,
  },
  attempts: {
    name: 'throughline.job.attempts',
    instrument: 'histogram',
    unit: '{attempt}',
    description: 'How many attempts a job had taken when it ended.',
    attributes: { operation: OPERATION, outcome: ENDS },
    buckets: [0, 1, 2, 3, 5, 8, 13, 21],
    where: RECORDER,
  },
  recordUnreadable: {
    name: 'throughline.jobs.record_unreadable',
    instrument: 'counter',
    unit: '{job}',
    description: 'Jobs that ended because their last event could not be read.',
    attributes: {},
    where: RUNNER,
  },
  limitsWaited: {
    name: 'throughline.limits.waited',
    instrument: 'counter',
    unit: '{attempt}',
    description: 'Attempts that had to wait for a limit of their operation, by limit.',
    attributes: { by: ['concurrency', 'rateLimit'] },
    where: 'worker-node/jobs/limits/admission.ts',
  },
  limitsParked: {
    name: 'throughline.limits.parked',
    instrument: 'gauge',
    unit: '{job}',
    description: 'Jobs that wait in this process, without a slot, for a limit of their operation.',
    attributes: {},
    where: 'worker-node/gauges.ts',
  },
} as const satisfies Record<string, MetricDefinition>;
