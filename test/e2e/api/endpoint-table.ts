import { expect } from 'vitest';
import type { CancelReport } from '../../../shared/api/answers/cancel-report.ts';
import type { JobPage } from '../../../shared/api/answers/job-list.ts';
import type { Problem } from '../../../shared/api/answers/problem.ts';
import type { SchedulePage } from '../../../shared/api/answers/schedule.ts';

/** The rest of a request, besides method, path and key. */
export interface Sent {
  /** The query, with its question mark. */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface Endpoint {
  readonly good: Sent;
  /** Statuses that the good request may get. */
  readonly status: number | readonly number[];
  /** Requests that must be refused, each with the code of the answer. */
  readonly bad: readonly (readonly [what: string, sent: Sent, code: Problem['code']])[];
  /** What the id in the path names. The test makes one first. */
  readonly make?: 'job' | 'delayedJob' | 'listedJob' | 'schedule' | 'deadLetter' | 'rejectedJob';
  /** The code of the answer to an unknown id. */
  readonly unknown?: Problem['code'];
  /** The answer that another tenant gets to the good request, if the path has no id. */
  readonly elsewhere?: (theirs: unknown, ours: unknown) => void;
}

export const JOB = { operation: 'echo', input: 1 };
export const SCHEDULE = { ...JOB, cron: '0 0 1 1 *' };
const JOB_LISTED = { operation: 'echo', state: 'succeeded' };
const KEYED = { 'idempotency-key': 'endpoints' };
export const NO_JOB_IDS = [
  '00000000-0000-7000-8000-000000000000',
  '*',
  '%3E',
  'a.b',
  '%00',
  'x'.repeat(65),
  '__proto__',
];
const BAD_BODIES: Endpoint['bad'] = [
  ['no JSON', { body: undefined }, 'request-invalid'],
  ['a list', { body: [] }, 'request-invalid'],
  ['an unknown field', { body: { ...JOB, jobs: [JOB], tmeout: '1s' } }, 'request-invalid'],
  ['another media type', { body: JOB, headers: { 'content-type': 'text/plain' } }, 'media-type-unsupported'],
];

/** Every endpoint of the document. The test of the endpoints fails when one is not here. */
export const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  'POST /v1/jobs': {
    good: { body: JOB, headers: KEYED },
    status: 202,
    bad: [
      ...BAD_BODIES,
      ['a name of no operation', { body: { ...JOB, operation: '*' } }, 'request-invalid'],
      ['an operation of nobody', { body: { ...JOB, operation: 'nobody' } }, 'operation-unknown'],
      ['an input that does not fit', { body: { operation: 'test.mode', input: 1 } }, 'input-invalid'],
      ['an empty Idempotency-Key', { body: JOB, headers: { 'idempotency-key': '""' } }, 'request-invalid'],
      [
        'a callback to nowhere',
        { body: { ...JOB, callback: { url: 'ftp://a.example' } } },
        'request-invalid',
      ],
      ['a delay beyond 30 days', { body: { ...JOB, delay: '31d' } }, 'request-invalid'],
      ['a large input', { body: { ...JOB, input: 'x'.repeat(263_000) } }, 'payload-too-large'],
    ],
    elsewhere: differentIds,
  },
  'POST /v1/jobs/batch': {
    good: { body: { jobs: [JOB] }, headers: { 'idempotency-key': 'endpoints-batch' } },
    status: 207,
    bad: [
      ...BAD_BODIES,
      ['no jobs', { body: { jobs: [] } }, 'request-invalid'],
      ['101 jobs', { body: { jobs: Array.from({ length: 101 }, () => JOB) } }, 'request-invalid'],
    ],
    elsewhere: differentIds,
  },
  'GET /v1/jobs': {
    good: {},
    status: 200,
    bad: [
      ['no job at all', { query: '?limit=0' }, 'request-invalid'],
      ['101 jobs', { query: '?limit=101' }, 'request-invalid'],
      ['a cursor that is none', { query: '?cursor=x' }, 'request-invalid'],
      ['a state that is none', { query: '?state=dead' }, 'request-invalid'],
      ['a state twice', { query: '?state=failed&state=queued' }, 'request-invalid'],
      ['an operation that is none', { query: '?operation=*' }, 'request-invalid'],
      ['an unknown filter', { query: '?sate=failed' }, 'request-invalid'],
    ],
    make: 'job',
    elsewhere: (theirs, ours) => {
      expect(ours).toMatchObject({ jobs: expect.arrayContaining([expect.objectContaining(JOB_LISTED)]) });
      for (const { id } of (theirs as JobPage).jobs)
        expect((ours as JobPage).jobs.map((job) => job.id)).not.toContain(id);
    },
  },
  'POST /v1/jobs/cancel': {
    good: { body: { tags: ['cancelled'] } },
    status: 200,
    make: 'listedJob',
    elsewhere: (theirs, ours) => {
      expect(theirs).toMatchObject({ cancelled: [] });
      expect((ours as CancelReport).cancelled.length).toBeGreaterThan(0);
    },
    bad: [
      ['no JSON', { body: undefined }, 'request-invalid'],
      ['an unknown field', { body: { tag: 'night' } }, 'request-invalid'],
      ['a state in which a job has ended', { body: { state: 'failed' } }, 'request-invalid'],
      ['a tag that is none', { body: { tags: ['a,b'] } }, 'request-invalid'],
      ['a cursor that is none', { body: { cursor: 'x' } }, 'request-invalid'],
    ],
  },
  'GET /v1/jobs/{id}': { good: {}, status: 200, bad: [], make: 'job', unknown: 'job-unknown' },
  'GET /v1/jobs/{id}/events': {
    good: {},
    status: 200,
    bad: [
      ['a place that is none', { query: '?after=x' }, 'request-invalid'],
      ['a Last-Event-ID that is none', { headers: { 'last-event-id': '-1' } }, 'request-invalid'],
    ],
    make: 'job',
    unknown: 'job-unknown',
  },
  'DELETE /v1/jobs/{id}': {
    good: {},
    status: 200,
    bad: [],
    make: 'delayedJob',
    unknown: 'job-unknown',
  },
  'GET /v1/schedules': {
    good: {},
    status: 200,
    bad: [
      ['a limit of 0', { query: '?limit=0' }, 'request-invalid'],
      ['101 schedules', { query: '?limit=101' }, 'request-invalid'],
      ['a cursor that is none', { query: '?cursor=*' }, 'request-invalid'],
      ['an unknown filter', { query: '?operation=echo' }, 'request-invalid'],
    ],
    make: 'schedule',
    elsewhere: (theirs, ours) => {
      expect((theirs as SchedulePage).schedules).toEqual([]);
      expect((ours as SchedulePage).schedules.length).toBeGreaterThan(0);
    },
  },
  'GET /v1/schedules/{name}': {
    good: {},
    status: 200,
    bad: [],
    make: 'schedule',
    unknown: 'schedule-unknown',
  },
  'PUT /v1/schedules/{name}': {
    good: { body: SCHEDULE },
    status: [200, 201],
    bad: [
      ...BAD_BODIES,
      ['no time', { body: JOB }, 'request-invalid'],
      ['two kinds of times', { body: { ...SCHEDULE, every: '1h' } }, 'request-invalid'],
      ['a time that never comes', { body: { ...JOB, cron: '0 0 30 2 *' } }, 'request-invalid'],
      ['a duration that is too short', { body: { ...JOB, every: '999ms' } }, 'request-invalid'],
      ['an operation of nobody', { body: { ...SCHEDULE, operation: 'nobody' } }, 'operation-unknown'],
      [
        'an input that does not fit',
        { body: { ...SCHEDULE, operation: 'test.mode', input: 1 } },
        'input-invalid',
      ],
      ['a large input', { body: { ...SCHEDULE, input: 'x'.repeat(263_000) } }, 'payload-too-large'],
    ],
    make: 'schedule',
  },
  'DELETE /v1/schedules/{name}': {
    good: {},
    status: 204,
    bad: [],
    make: 'schedule',
    unknown: 'schedule-unknown',
  },
  'POST /v1/schedules/{name}/pause': {
    good: {},
    status: 200,
    bad: [],
    make: 'schedule',
    unknown: 'schedule-unknown',
  },
  'POST /v1/schedules/{name}/resume': {
    good: {},
    status: 200,
    bad: [],
    make: 'schedule',
    unknown: 'schedule-unknown',
  },
  'POST /v1/schedules/{name}/trigger': {
    good: {},
    status: 202,
    bad: [['an empty Idempotency-Key', { headers: { 'idempotency-key': '""' } }, 'request-invalid']],
    make: 'schedule',
    unknown: 'schedule-unknown',
  },
  'GET /v1/dead-letters': {
    good: {},
    status: 200,
    bad: [
      ['a limit of 0', { query: '?limit=0' }, 'request-invalid'],
      ['101 letters', { query: '?limit=101' }, 'request-invalid'],
      ['a cursor that is none', { query: '?cursor=x' }, 'request-invalid'],
      ['an operation that is none', { query: '?operation=*' }, 'request-invalid'],
      ['an unknown filter', { query: '?reson=x' }, 'request-invalid'],
    ],
    make: 'deadLetter',
    elsewhere: (theirs, ours) => {
      expect(ours).toMatchObject({
        deadLetters: expect.arrayContaining([expect.objectContaining({ operation: 'test.mode' })]),
      });
      expect(theirs).toEqual({ deadLetters: [] });
    },
  },
  'POST /v1/dead-letters/redrive': {
    good: { body: {} },
    status: 200,
    bad: [
      ...BAD_BODIES,
      ['a cursor that is none', { body: { cursor: '1' } }, 'request-invalid'],
      ['a cursor of nobody', { body: { cursor: 'A'.repeat(22) } }, 'cursor-unknown'],
      ['a limit that is a text', { body: { limit: '1' } }, 'request-invalid'],
    ],
    make: 'deadLetter',
    elsewhere: (theirs, ours) => {
      expect(ours).toMatchObject({ redriven: expect.arrayContaining([expect.any(String)]) });
      expect(theirs).toEqual({ redriven: [], failed: [] });
    },
  },
  'GET /v1/dead-letters/{id}': {
    good: {},
    status: 200,
    bad: [],
    make: 'deadLetter',
    unknown: 'dead-letter-unknown',
  },
  'POST /v1/dead-letters/{id}/redrive': {
    good: {},
    status: 202,
    bad: [],
    make: 'deadLetter',
    unknown: 'dead-letter-unknown',
  },
  'GET /v1/outbox': {
    good: {},
    status: 200,
    bad: [
      ['no job at all', { query: '?limit=0' }, 'request-invalid'],
      ['an unknown filter', { query: '?state=waiting' }, 'request-invalid'],
    ],
    make: 'rejectedJob',
    elsewhere: (theirs, ours) => {
      expect(ours).toMatchObject({
        jobs: expect.arrayContaining([expect.objectContaining({ state: 'rejected' })]),
      });
      expect(theirs).toEqual({ jobs: [] });
    },
  },
  'POST /v1/outbox/{id}/retry': {
    good: {},
    status: 202,
    bad: [],
    make: 'rejectedJob',
    unknown: 'job-unknown',
  },
  'DELETE /v1/outbox/{id}': {
    good: {},
    status: 200,
    bad: [],
    make: 'rejectedJob',
    unknown: 'job-unknown',
  },
  // Operations and the status belong to no tenant.
  'GET /v1/operations': { good: {}, status: 200, bad: [] },
  'GET /v1/usage': {
    good: {},
    status: 200,
    bad: [],
    elsewhere: (theirs) => expect(theirs).toMatchObject({ used: { jobs: 0, bytes: 0 } }),
  },
  'GET /healthz': { good: {}, status: 200, bad: [] },
  'GET /readyz': { good: {}, status: 200, bad: [] },
  'GET /metrics': { good: {}, status: 200, bad: [] },
  'GET /': { good: {}, status: 302, bad: [] },
  'GET /openapi.json': { good: {}, status: 200, bad: [] },
  'GET /docs': { good: {}, status: 200, bad: [] },
};

function differentIds(theirs: unknown, ours: unknown): void {
  const idsIn = (value: unknown): string[] => JSON.stringify(value).match(/ik_[0-9a-f]{40}/g) ?? [];
  expect(idsIn(ours).length).toBeGreaterThan(0);
  for (const id of idsIn(theirs)) expect(idsIn(ours)).not.toContain(id);
}
