import { beforeAll, describe, expect, it } from 'vitest';
import { ACCESS_SCOPES, type AccessScope, createApiKey, hashApiKey } from '../../../shared/api/access.ts';
import type { CancelReport } from '../../../shared/api/cancel-many.ts';
import type { JobPage } from '../../../shared/api/job-list.ts';
import type { OutboxList } from '../../../shared/api/outbox.ts';

import type { Problem } from '../../../shared/api/problem.ts';
import type { SchedulePage } from '../../../shared/api/schedule.ts';
import { withoutName } from '../../support/http/access.ts';
import { checked, contract } from '../../support/http/contract.ts';
import { until } from '../../support/poll.ts';
import { problemOf, startTestStack, type TestStack } from '../../support/stack.ts';

/** The rest of a request, besides method, path and key. */
interface Sent {
  /** The query, with its question mark. */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

interface Endpoint {
  readonly good: Sent;
  /** Statuses that the good request may get. */
  readonly status: number | readonly number[];
  /** Requests that must be refused, each with the code of the answer. */
  readonly bad: readonly (readonly [what: string, sent: Sent, code: Problem['code']])[];
  /** Makes the thing that the id in the path names. */
  readonly make?: () => Promise<string>;
  /** The code of the answer to an unknown id. */
  readonly unknown?: Problem['code'];
  /** The answer that another tenant gets to the good request, if the path has no id. */
  readonly elsewhere?: (theirs: unknown, ours: unknown) => void;
}

const JOB = { operation: 'echo', input: 1 };
const SCHEDULE = { ...JOB, cron: '0 0 1 1 *' };
const JOB_LISTED = { operation: 'echo', state: 'succeeded' };
const KEYED = { 'idempotency-key': 'endpoints' };
const NO_JOB_IDS = [
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

/** Every endpoint of the document: the test fails when one is not here. */
const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
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
    make: makeJob,
    elsewhere: (theirs, ours) => {
      expect(ours).toMatchObject({ jobs: expect.arrayContaining([expect.objectContaining(JOB_LISTED)]) });
      for (const { id } of (theirs as JobPage).jobs)
        expect((ours as JobPage).jobs.map((job) => job.id)).not.toContain(id);
    },
  },
  'POST /v1/jobs/cancel': {
    good: { body: { tags: ['cancelled'] } },
    status: 200,
    make: makeListedJob,
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
  'GET /v1/jobs/{id}': { good: {}, status: 200, bad: [], make: makeJob, unknown: 'job-unknown' },
  'GET /v1/jobs/{id}/events': {
    good: {},
    status: 200,
    bad: [
      ['a place that is none', { query: '?after=x' }, 'request-invalid'],
      ['a Last-Event-ID that is none', { headers: { 'last-event-id': '-1' } }, 'request-invalid'],
    ],
    make: makeJob,
    unknown: 'job-unknown',
  },
  'DELETE /v1/jobs/{id}': {
    good: {},
    status: 200,
    bad: [],
    make: () => submit({ ...JOB, delay: '1h' }),
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
    make: makeSchedule,
    elsewhere: (theirs, ours) => {
      expect((theirs as SchedulePage).schedules).toEqual([]);
      expect((ours as SchedulePage).schedules.length).toBeGreaterThan(0);
    },
  },
  'GET /v1/schedules/{name}': {
    ...{ good: {}, status: 200, bad: [], make: makeSchedule, unknown: 'schedule-unknown' },
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
    make: makeSchedule,
  },
  'DELETE /v1/schedules/{name}': {
    ...{ good: {}, status: 204, bad: [], make: makeSchedule, unknown: 'schedule-unknown' },
  },
  'POST /v1/schedules/{name}/pause': {
    ...{ good: {}, status: 200, bad: [], make: makeSchedule, unknown: 'schedule-unknown' },
  },
  'POST /v1/schedules/{name}/resume': {
    ...{ good: {}, status: 200, bad: [], make: makeSchedule, unknown: 'schedule-unknown' },
  },
  'POST /v1/schedules/{name}/trigger': {
    good: {},
    status: 202,
    bad: [['an empty Idempotency-Key', { headers: { 'idempotency-key': '""' } }, 'request-invalid']],
    make: makeSchedule,
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
    make: makeLetter,
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
    make: makeLetter,
    elsewhere: (theirs, ours) => {
      expect(ours).toMatchObject({ redriven: expect.arrayContaining([expect.any(String)]) });
      expect(theirs).toEqual({ redriven: [], failed: [] });
    },
  },
  'GET /v1/dead-letters/{id}': {
    good: {},
    status: 200,
    bad: [],
    make: makeLetter,
    unknown: 'dead-letter-unknown',
  },
  'POST /v1/dead-letters/{id}/redrive': {
    good: {},
    status: 202,
    bad: [],
    make: makeLetter,
    unknown: 'dead-letter-unknown',
  },
  'GET /v1/outbox': {
    good: {},
    status: 200,
    bad: [
      ['no job at all', { query: '?limit=0' }, 'request-invalid'],
      ['an unknown filter', { query: '?state=waiting' }, 'request-invalid'],
    ],
    make: makeSetAside,
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
    make: makeSetAside,
    unknown: 'job-unknown',
  },
  'DELETE /v1/outbox/{id}': {
    good: {},
    status: 200,
    bad: [],
    make: makeSetAside,
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

const keys = {
  all: createApiKey('all'),
  other: createApiKey('other'),
  /** A key with the scopes that operations of the document name, and no others. By the scopes, separated by spaces. */
  only: new Map<string, string>(
    [...new Set(contract.operations.map(({ value }) => scopesOf(value).join(' ')))]
      .filter(Boolean)
      .map((scopes, index) => [scopes, createApiKey(`only${index}`)]),
  ),
  /** A key with every scope but this one. */
  but: new Map<AccessScope, string>(
    ACCESS_SCOPES.map((scope, index) => [scope, createApiKey(`but${index}`)]),
  ),
};

/** The scopes that an operation of the document asks for. Empty: it is open to all. */
function scopesOf({ security }: { readonly security?: unknown }): readonly AccessScope[] {
  const [{ bearer = [] } = {}] = security as { bearer?: AccessScope[] }[];
  return bearer;
}

async function entry(key: string, tenant: string, scopes: readonly AccessScope[] = ACCESS_SCOPES) {
  return { id: key.split('_')[1], tenant, hash: await hashApiKey(key), scopes };
}

let stack: TestStack;
beforeAll(async () => {
  const entries = await Promise.all([
    entry(keys.all, 'acme'),
    entry(keys.other, 'globex'),
    ...[...keys.only].map(([scopes, key]) => entry(key, 'acme', scopes.split(' ') as AccessScope[])),
    ...[...keys.but].map(([scope, key]) =>
      entry(
        key,
        'acme',
        ACCESS_SCOPES.filter((other) => other !== scope),
      ),
    ),
  ]);
  stack = await startTestStack({
    operationsFolder: 'test/fixtures/operations',
    // The API accepts this input, but NATS does not, so the outbox rejects it.
    edge: { API_KEYS: JSON.stringify(entries), ACK_MODE: 'outbox', STATUS_ACCESS: 'key' },
    natsConfig: 'max_payload: 200000',
  });
});

/** Sends a request; the answer must fit the OpenAPI document. */
async function send(method: string, path: string, sent: Sent, key: string | undefined): Promise<Response> {
  const url = `${path}${sent.query ?? ''}`;
  const response = await fetch(`${stack.url}${url}`, {
    method,
    headers: {
      ...('body' in sent ? { 'content-type': 'application/json' } : {}),
      ...sent.headers,
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    },
    ...('body' in sent ? { body: JSON.stringify(sent.body) ?? '{' } : {}),
    redirect: 'manual',
  });
  return await checked(method, url, response);
}

async function submit(job: unknown, headers: Record<string, string> = {}): Promise<string> {
  const response = await send('POST', '/v1/jobs', { body: job, headers }, keys.all);
  return ((await response.json()) as { id: string }).id;
}

/** A job that a cancel of many finds. */
async function makeListedJob(): Promise<string> {
  const id = await submit({ ...JOB, delay: '1h', tags: ['cancelled'] });
  await until('the job to be listed', async () => {
    const page = (await (await send('GET', '/v1/jobs?tag=cancelled', {}, keys.all)).json()) as JobPage;
    return page.jobs.some((job) => job.id === id);
  });
  return id;
}

function makeJob(): Promise<string> {
  return submit(JOB, { prefer: 'wait=20' });
}

let schedules = 0;

async function makeSchedule(): Promise<string> {
  const name = `schedule-${++schedules}`;
  await send('PUT', `/v1/schedules/${name}`, { body: SCHEDULE }, keys.all);
  return name;
}

async function makeLetter(): Promise<string> {
  const id = await submit({ operation: 'test.mode', input: { mode: 'reject' } }, { prefer: 'wait=20' });
  await until('the dead letter', async () => (await send('GET', `/v1/dead-letters/${id}`, {}, keys.all)).ok);
  return id;
}

async function makeSetAside(): Promise<string> {
  const id = await submit({ ...JOB, input: 'x'.repeat(220_000) });
  const item = await until('the job to be rejected', async () => {
    const { jobs } = (await (await send('GET', '/v1/outbox', {}, keys.all)).json()) as OutboxList;
    return jobs.find(({ jobId, state }) => jobId === id && state === 'rejected');
  });
  return item.id;
}

function differentIds(theirs: unknown, ours: unknown): void {
  const idsIn = (value: unknown): string[] => JSON.stringify(value).match(/ik_[0-9a-f]{40}/g) ?? [];
  expect(idsIn(ours).length).toBeGreaterThan(0);
  for (const id of idsIn(theirs)) expect(idsIn(ours)).not.toContain(id);
}

/** Everything that a caller sees of a refusal, without its trace id, and without the id or name that the caller sent. */
async function refusalOf(response: Response) {
  const { traceId: _, ...problem } = await problemOf(response);
  return {
    problem: { ...problem, detail: withoutName(problem.detail ?? '') },
    authenticate: response.headers.get('www-authenticate'),
  };
}

/** A test that runs only if the endpoint has this case. */
function when(condition: unknown): (name: string, test: () => Promise<void>) => void {
  return condition === undefined ? () => undefined : it;
}

it('the table has every endpoint of the document, and no other', () => {
  const documented = contract.operations.map(({ method, path }) => `${method} ${path}`);
  expect(Object.keys(ENDPOINTS).sort()).toEqual(documented.sort());
});

describe.each(contract.operations)('$method $path', ({ method, path, value }) => {
  const endpoint = ENDPOINTS[`${method} ${path}`];
  if (endpoint === undefined) return;
  const { good, status, bad, make, unknown, elsewhere } = endpoint;
  const scopes = scopesOf(value);
  const [scope] = scopes;
  const key = scope && keys.only.get(scopes.join(' '));
  const at = (id: string): string => path.replace(/\{(?:id|name)\}/, id);
  const somewhere = NO_JOB_IDS[0] ?? '';

  it('answers a good request with no more than the scope that the document names', async () => {
    const id = (await make?.()) ?? '';
    const response = await send(method, at(id), good, key);
    expect([status].flat()).toContain(response.status);
  });

  it.each(bad)('refuses %s', async (_, sent, code) => {
    const id = (await make?.()) ?? '';
    const response = await send(method, at(id), sent, key);
    expect(await problemOf(response)).toMatchObject({ code, status: response.status });
  });

  when(scope)('refuses a parameter in the query that it does not know', async () => {
    const id = (await make?.()) ?? '';
    const query = `${good.query ?? ''}${good.query === undefined ? '?' : '&'}unknown=1`;
    const response = await send(method, at(id), { ...good, query }, key);
    expect(await problemOf(response)).toMatchObject({
      code: 'request-invalid',
      violations: [{ path: '/unknown', message: 'there is no field "unknown" here' }],
    });
  });

  when(scope)('refuses everybody without a valid key, all in the same way', async () => {
    const refusal = {
      problem: {
        type: 'urn:throughline:problem:unauthenticated',
        title: 'A valid API key or token is needed',
        status: 401,
        code: 'unauthenticated',
        detail: 'send a valid key or token as "Authorization: Bearer …"',
      },
      authenticate: 'Bearer realm="throughline"',
    };
    for (const wrong of [undefined, 'nonsense', createApiKey('all'), createApiKey('nobody')]) {
      expect(await refusalOf(await send(method, at(somewhere), good, wrong))).toEqual(refusal);
    }
  });

  when(scope)('refuses a key with every scope but the one that it names', async () => {
    const id = (await make?.()) ?? '';
    const response = await send(method, at(id), good, scope && keys.but.get(scope));
    const { problem, authenticate } = await refusalOf(response);
    expect(problem).toMatchObject({
      code: 'forbidden',
      detail: `the key or token does not have the scope ${scope}`,
    });
    expect(authenticate).toBe(`Bearer realm="throughline", error="insufficient_scope", scope="${scope}"`);
  });

  when(unknown)('answers the id of another tenant like an unknown id', async () => {
    const id = (await make?.()) ?? '';
    const foreign = await refusalOf(await send(method, at(id), good, keys.other));
    expect(foreign.problem).toMatchObject({ code: unknown });
    for (const nobody of NO_JOB_IDS) {
      expect(await refusalOf(await send(method, at(nobody), good, keys.other))).toEqual(foreign);
    }
  });

  when(elsewhere)("does not touch or show another tenant's", async () => {
    await make?.();
    const theirs: unknown = await (await send(method, path, good, keys.other)).json();
    const ours: unknown = await (await send(method, path, good, key)).json();
    elsewhere?.(theirs, ours);
  });

  it('has each case that its parameters need', () => {
    // A PUT makes what its path names.
    expect(path.includes('{') && method !== 'PUT').toBe(unknown !== undefined);
    expect(value.requestBody !== undefined && bad.length === 0).toBe(false);
    const shared = ['/v1/operations', '/metrics'].includes(path);
    const isApart = unknown !== undefined || elsewhere !== undefined || method === 'PUT';
    expect(scope === undefined || shared || isApart).toBe(true);
  });
});
