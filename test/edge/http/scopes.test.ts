import { beforeAll, describe, expect, it } from 'vitest';
import { type AccessScope, createApiKey, hashApiKey } from '../../../shared/api/access.ts';
import type { Job } from '../../../shared/job/job.ts';
import { type Answers, job, problemIn, setup } from './app-support.ts';

const SCOPES = {
  images: ['jobs:write:image.*', 'jobs:write:echo', 'jobs:cancel', 'dead-letters:redrive'],
  any: ['jobs:write:any', 'jobs:cancel', 'dead-letters:redrive'],
  writer: ['jobs:write', 'jobs:cancel'],
  cancels: ['jobs:cancel'],
  reader: ['jobs:read'],
  both: ['jobs:write', 'jobs:read'],
  monitor: ['status:read'],
} satisfies Record<string, readonly AccessScope[]>;
type Who = keyof typeof SCOPES;

const KEYS = Object.fromEntries(Object.keys(SCOPES).map((id) => [id, createApiKey(id)])) as Record<
  Who,
  string
>;
const as = (who: Who) => ({ authorization: `Bearer ${KEYS[who]}` });

let API_KEYS: string;
beforeAll(async () => {
  const entries = Object.entries(SCOPES).map(async ([id, scopes]) => ({
    id,
    tenant: 'acme',
    scopes,
    hash: await hashApiKey(KEYS[id as Who]),
  }));
  API_KEYS = JSON.stringify(await Promise.all(entries));
});

const start = (answers: Answers = {}, settings: Record<string, unknown> = {}) =>
  setup(answers, { API_KEYS, ...settings });
const ENDED: Partial<Job> = {
  state: 'failed',
  result: 'canary',
  progress: { message: 'canary' },
  error: { code: 'operation-failed', message: 'canary' },
};

describe('a key whose jobs:write is limited to operations', () => {
  it.each([
    ['echo', 202],
    ['image.resize', 202],
    ['image.thumb.small', 202],
    ['image', 403],
    ['images.resize', 403],
    ['echo.more', 403],
    ['http.request', 403],
  ])('that submits %s is answered %d', async (operation, status) => {
    const { post, submitted } = await start();
    const response = await post({ operation, input: 1 }, as('images'));
    expect(response.status).toBe(status);
    expect(submitted.length).toBe(status === 202 ? 1 : 0);
    if (status === 202) return;
    expect(response.headers.get('www-authenticate')).toContain(`scope="jobs:write:${operation}"`);
    expect(await problemIn(response)).toMatchObject({ code: 'forbidden' });
  });

  it('is refused each job of a batch that it may not submit, and no other', async () => {
    const { send, submitted } = await start();
    const jobs = ['echo', 'http.request', 'image.resize'].map((operation) => ({ operation, input: 1 }));
    const response = await send('/v1/jobs/batch', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...as('images') },
      body: JSON.stringify({ jobs }),
    });
    const { results } = (await response.json()) as { results: unknown };
    expect(results).toMatchObject([
      { status: 202 },
      { status: 403, problem: { code: 'forbidden' } },
      { status: 202 },
    ]);
    expect(submitted.map(({ operation }) => operation)).toEqual(['echo', 'image.resize']);
  });

  it('cancels only jobs of these operations; a key that cannot submit cancels all', async () => {
    const cancelled: string[] = [];
    const { send } = await start({
      read: (_tenant, id) => job({ id, operation: id === 'mine' ? 'echo' : 'http.request' }),
      cancel: ({ jobId }) => {
        cancelled.push(jobId);
        return { job: job({ id: jobId, state: 'cancelled' }), tooLate: false };
      },
    });
    const cancel = async (id: string, who: Who) =>
      (await send(`/v1/jobs/${id}`, { method: 'DELETE', headers: as(who) })).status;
    expect(await cancel('mine', 'images')).toBe(200);
    expect(await cancel('other', 'images')).toBe(403);
    expect(await cancel('other', 'cancels')).toBe(200);
    expect(cancelled).toEqual(['mine', 'other']);
  });

  describe.each(['/v1/dead-letters/redrive', '/v1/jobs/cancel'])('%s', (path) => {
    const ask = async (who: Who, operation?: string) => {
      const { send } = await start();
      return await send(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...as(who) },
        body: JSON.stringify({ operation }),
      });
    };

    it('is refused for another operation', async () => {
      const problem = await problemIn(await ask('images', 'http.request'));
      expect(problem).toMatchObject({ code: 'forbidden', detail: expect.stringContaining('http.request') });
    });

    it.each(['images', 'any'] as const)(
      'is refused for all operations, and told to name one: %s',
      async (who) => {
        const response = await ask(who);
        expect(response.headers.get('www-authenticate')).toContain('scope="jobs:write"');
        expect(await problemIn(response)).toMatchObject({
          code: 'forbidden',
          status: 403,
          detail: expect.stringMatching(/scope jobs:write\b.*"operation"/),
        });
      },
    );
  });
});

describe('a key without jobs:read', () => {
  it('gets no result, no error and no progress in the answer to a submission', async () => {
    const { post } = await start({ submit: ({ jobId }) => job({ id: jobId, ...ENDED }) });
    const submission = { operation: 'echo', input: 1 };
    const headers = { prefer: 'wait=5', 'idempotency-key': 'k' };
    const text = await (await post(submission, { ...as('writer'), ...headers })).text();
    expect(text).not.toContain('canary');
    expect(JSON.parse(text)).toMatchObject({ state: 'failed' });
    const seen: unknown = await (await post(submission, { ...as('both'), ...headers })).json();
    expect(seen).toMatchObject(ENDED);
  });

  it('gets none in the answer to a cancel', async () => {
    const { send } = await start({ cancel: () => ({ job: job(ENDED), tooLate: false }) });
    const response = await send('/v1/jobs/job-1', { method: 'DELETE', headers: as('writer') });
    expect(await response.text()).not.toContain('canary');
  });
});

describe('a key that only reads', () => {
  it('reads jobs, and changes nothing', async () => {
    const { send, post, submitted } = await start({ read: () => job(ENDED) });
    expect(await (await send('/v1/jobs/job-1', { headers: as('reader') })).json()).toMatchObject(ENDED);
    expect((await send('/v1/jobs', { headers: as('reader') })).status).toBe(200);
    expect((await send('/v1/operations', { headers: as('reader') })).status).toBe(200);
    expect((await post({ operation: 'echo', input: 1 }, as('reader'))).status).toBe(403);
    expect((await send('/v1/jobs/job-1', { method: 'DELETE', headers: as('reader') })).status).toBe(403);
    expect(submitted).toEqual([]);
  });
});

describe('the status of the bridges', () => {
  const ask = async (authorization: string, settings?: Record<string, unknown>) => {
    const { send } = await start({}, settings);
    const ready = await send('/readyz', { headers: { authorization } });
    const metrics = await send('/metrics', { headers: { authorization } });
    const { bridges } = (await ready.json()) as { bridges?: unknown };
    return { ready: ready.status, isShown: bridges !== undefined, metrics: metrics.status };
  };

  it('is shown to a caller with status:read', async () => {
    expect(await ask(as('monitor').authorization)).toEqual({ ready: 200, isShown: true, metrics: 200 });
  });

  it('is not shown to others, who learn only whether the edge is ready', async () => {
    expect(await ask('')).toEqual({ ready: 200, isShown: false, metrics: 401 });
    expect(await ask(as('both').authorization)).toEqual({ ready: 200, isShown: false, metrics: 403 });
  });

  it('is shown to all if the deployment says so', async () => {
    const settings = { STATUS_ACCESS: 'public' };
    expect(await ask('', settings)).toEqual({ ready: 200, isShown: true, metrics: 200 });
  });

  it('does not tell others why the edge is not ready', async () => {
    const status = () => [{ bridge: 'canary', problems: ['canary'], roundTripMs: 1 }];
    const { send } = await start({ status });
    const response = await send('/readyz', { headers: { authorization: '' } });
    expect(response.status).toBe(503);
    expect(await response.text()).not.toContain('canary');
  });
});

describe('the audit', () => {
  type Logged = Awaited<ReturnType<typeof start>>['logged'];
  const audits = (logged: Logged) =>
    logged.filter(({ level }) => level === 'audit').map(({ fields }) => fields);
  const cancel = { method: 'DELETE', headers: { ...as('cancels'), 'cf-connecting-ip': '192.0.2.7' } };
  const LINE = {
    action: 'cancel',
    tenant: 'acme',
    key_id: 'cancels',
    job_id: 'job-1',
    client_address: '192.0.2.7',
  };

  it('has a line for each cancel', async () => {
    const { send, logged } = await start({
      cancel: () => ({ job: job({ state: 'cancelled' }), tooLate: false }),
    });
    await send('/v1/jobs/job-1', cancel);
    expect(audits(logged)).toEqual([expect.objectContaining({ ...LINE, outcome: 'done' })]);
  });

  it('has a line for a cancel that failed, with the reason', async () => {
    const { send, logged } = await start();
    await send('/v1/jobs/job-1', cancel);
    expect(audits(logged)).toEqual([expect.objectContaining({ ...LINE, outcome: 'job-unknown' })]);
  });

  it('has a line for each retry and removal of a rejected job', async () => {
    const { send, logged } = await start();
    for (const [method, path] of [
      ['POST', '/v1/outbox/job-1-r7/retry'],
      ['DELETE', '/v1/outbox/job-1-r7'],
    ] as const)
      await send(path, { method, headers: as('images') });
    expect(audits(logged)).toMatchObject([
      { action: 'outbox-retry', job_id: 'job-1', rejected_id: 'job-1-r7', key_id: 'images' },
      { action: 'outbox-remove', job_id: 'job-1', rejected_id: 'job-1-r7', key_id: 'images' },
    ]);
  });

  it('has no line for a submission', async () => {
    const { post, logged } = await start();
    await post({ operation: 'echo', input: 1 }, as('writer'));
    expect(audits(logged)).toEqual([]);
  });
});
