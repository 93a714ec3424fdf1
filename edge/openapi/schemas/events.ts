import {
  HistoryEvent,
  JobHistory,
  RecordedCallbackEvent,
  RecordedEvent,
} from '../../../shared/api/answers/job-history.ts';
import { EVENTS_PAGE_LIMIT } from '../../../shared/api/page-limits.ts';
import { CALLBACK_EVENT_KINDS, EVENT_KINDS } from '../../../shared/job/job-state.ts';
import { describe, ref } from './describe.ts';

describe('JobEvent', RecordedEvent, {
  description:
    'Something that happened to a job. Every event is a full snapshot, so the last event of a job alone gives its state.',
  fields: {
    id: 'An opaque text. Send it as `Last-Event-ID` to read later events only.',
    kind: 'What happened.',
    jobId: 'The id of the job.',
    operation: 'The operation of the job.',
    attempt: 'The attempt that the event belongs to.',
    maxAttempts: 'The most attempts that the job has.',
    released: 'How often a worker gave the job back. That uses no attempt.',
    acceptedAt: 'When the API accepted the job.',
    startedAt: 'When the attempt started.',
    at: 'When the event happened.',
    worker: 'The worker that recorded the event.',
    traceId: 'The trace of the job.',
    priority: 'How urgent the job is.',
    orderingKey: 'The key of the jobs that run one after the other.',
    tags: "The job's tags.",
    fingerprint: 'The fingerprint of the request, for a job with an `Idempotency-Key`.',
    spanId: 'The span of the attempt.',
    progress: 'How far the operation is.',
    result: 'For `succeeded`: what the operation returned.',
    error: 'For `failed`, `retrying` and `cancelled`: the reason.',
    retryInMs: 'For `retrying`: milliseconds until the next attempt.',
    redriveCount: 'How often the job has been redriven.',
    previousTraceIds: 'The traces that the job had before each redrive, oldest first.',
  },
});

describe('CallbackEvent', RecordedCallbackEvent, {
  description: 'The outcome of one attempt to deliver a callback. It does not change the state of the job.',
  fields: {
    id: 'Its place among the events of the job.',
    kind: 'What happened.',
    jobId: 'The id of the job.',
    url: 'The URL of the callback, without its query.',
    attempt: 'The attempt to deliver the callback.',
    maxAttempts: 'The most attempts to deliver it.',
    at: 'When the event happened.',
    worker: 'The worker that tried to deliver it.',
    status: 'The HTTP status of the answer, if there was one.',
    error: 'Why the callback was not delivered.',
    retryInMs: 'For `callback-retrying`: milliseconds until the next attempt.',
    traceId: 'The trace of the job.',
    spanId: 'The span of the delivery.',
    redriveCount: 'How often the job has been redriven.',
  },
});

describe('HistoryEvent', HistoryEvent, {
  description: 'An event of a job or of its callback.',
  more: {
    discriminator: {
      propertyName: 'kind',
      mapping: {
        ...kindsIn('JobEvent', EVENT_KINDS),
        ...kindsIn('CallbackEvent', CALLBACK_EVENT_KINDS),
      },
    },
  },
});

describe('JobHistory', JobHistory, {
  description: 'The events of a job, oldest first.',
  fields: {
    events: `At most ${EVENTS_PAGE_LIMIT} events of the job, and as many of its callback. Fewer if they are large.`,
    next: 'There are more events: send this as `after` to read them. Absent when there are no more.',
  },
});

/** Says which component an event of each of these kinds is. */
function kindsIn(id: string, kinds: readonly string[]): Record<string, string> {
  return Object.fromEntries(kinds.map((kind) => [kind, ref(id).$ref]));
}
