import { beforeAll, describe, expect, it } from 'vitest';
import { ACCESS_SCOPES, type AccessScope, createApiKey, hashApiKey } from '../../../shared/api/access.ts';
import { JobPage } from '../../../shared/api/answers/job-list.ts';
import { OutboxList } from '../../../shared/api/answers/outbox.ts';
import { Job } from '../../../shared/job/job.ts';
import { withoutName } from '../../support/http/access.ts';
import { bodyOf } from '../../support/http/answers.ts';
import { checked, contract } from '../../support/http/contract.ts';
import { until } from '../../support/poll.ts';
import { problemOf, startTestStack, type TestStack } from '../../support/stack.ts';
import { ENDPOINTS, type Endpoint, JOB, NO_JOB_IDS, SCHEDULE, type Sent } from './endpoint-table.ts';

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
  return (await bodyOf(Job, response)).id;
}

/** A job that a cancel of many finds. */
async function makeListedJob(): Promise<string> {
  const id = await submit({ ...JOB, delay: '1h', tags: ['cancelled'] });
  await until('the job to be listed', async () => {
    const page = await bodyOf(JobPage, send('GET', '/v1/jobs?tag=cancelled', {}, keys.all));
    return page.jobs.some((job) => job.id === id);
  });
  return id;
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
    const { jobs } = await bodyOf(OutboxList, send('GET', '/v1/outbox', {}, keys.all));
    return jobs.find(({ jobId, state }) => jobId === id && state === 'rejected');
  });
  return item.id;
}

/** Makes what the id in a path names. @returns the id */
const MAKERS: Readonly<Record<NonNullable<Endpoint['make']>, () => Promise<string>>> = {
  job: () => submit(JOB, { prefer: 'wait=20' }),
  delayedJob: () => submit({ ...JOB, delay: '1h' }),
  listedJob: makeListedJob,
  schedule: makeSchedule,
  deadLetter: makeLetter,
  rejectedJob: makeSetAside,
};

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
  const { good, status, bad, unknown, elsewhere } = endpoint;
  const make = endpoint.make && MAKERS[endpoint.make];
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
