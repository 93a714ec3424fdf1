import {
  HistoryEvent,
  JobHistory,
  RecordedCallbackEvent,
  RecordedEvent,
} from '../../../shared/job/event-record.ts';
import { describe } from './describe.ts';

describe('JobEvent', RecordedEvent, {
  description: 'A fact about a job: a whole snapshot, so that the last event of a job is its state.',
  fields: {
    id: 'Its place: ids of one job only grow. Goes into `Last-Event-ID`.',
    kind: 'What happened.',
    jobId: 'To which job.',
    operation: 'What it runs.',
    attempt: 'In which attempt.',
    maxAttempts: 'Of how many.',
    released: 'How often it was handed back without costing an attempt.',
    acceptedAt: 'When the API took the job.',
    startedAt: 'When the attempt began.',
    at: 'When this happened.',
    worker: 'Who tells of it.',
    traceId: 'The trace of the job.',
    fingerprint: 'Digest of the request, of a job with an `Idempotency-Key`.',
    spanId: 'The span of the attempt.',
    progress: 'How far it is.',
    result: 'With `succeeded`: what the operation gave back.',
    error: 'With `failed`, `retrying`, `cancelled`: why.',
    retryInMs: 'With `retrying`: milliseconds until the next attempt.',
    redriveCount: 'How often the job was redriven.',
    previousTraceIds: 'The traces before each redrive, oldest first.',
  },
});

describe('CallbackEvent', RecordedCallbackEvent, {
  description: 'What became of one delivery of a callback. It has no say in the state of the job.',
  fields: {
    id: 'Its place among the events of the job.',
    kind: 'What happened.',
    jobId: 'Of which job.',
    url: 'Where to, without the query.',
    attempt: 'In which attempt to deliver it.',
    maxAttempts: 'Of how many.',
    at: 'When this happened.',
    worker: 'Who tried it.',
    status: 'The HTTP status of the receiver, if it answered.',
    error: 'Why it was not delivered.',
    retryInMs: 'With `callback-retrying`: milliseconds until the next attempt.',
    traceId: 'The trace of the job.',
    spanId: 'The span of the delivery.',
    redriveCount: 'How often the job was redriven.',
  },
});

describe('HistoryEvent', HistoryEvent, { description: 'What happened to a job, or to its callback.' });

describe('JobHistory', JobHistory, {
  description: 'Events of a job, oldest first.',
  fields: { events: 'At most 1,000.', next: 'There is more: send this as `after`.' },
});
