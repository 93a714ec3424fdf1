import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createApiKey } from '../../../shared/api/access.ts';
import { ThroughlineError, unavailable } from '../../../shared/errors.ts';
import { isToken } from '../../../shared/job/job-address.ts';
import { startTrace } from '../../../shared/propagation/index.ts';
import { NOT_A_TOKEN } from '../../unit/support.ts';
import { AS_GLOBEX, job, KEY, problemIn, setup } from './app-support.ts';

const submission = { operation: 'echo', input: { any: 'thing' } };

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});

describe('a request without a valid key', () => {
  it.each<[string, string, string]>([
    ['GET', '/v1/jobs/job-1', ''],
    ['POST', '/v1/jobs', ''],
    ['GET', '/v1/operations', ''],
    ['GET', '/v1/jobs/job-1', 'Bearer nonsense'],
    ['GET', '/v1/jobs/job-1', `Bearer ${createApiKey('ci')}`],
    ['GET', '/v1/jobs/job-1', `Basic ${KEY}`],
  ])('%s %s with %j is answered 401, and reaches no bridge', async (method, path, authorization) => {
    const { send, submitted, reads } = await setup();
    const response = await send(path, { method, headers: { authorization } });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="throughline"');
    expect(await problemIn(response)).toMatchObject({ code: 'unauthenticated' });
    expect([...submitted, ...reads]).toEqual([]);
  });

  it('gets the same answer for every fault of the key', async () => {
    const { send } = await setup();
    const answers = ['', 'Bearer x', `Bearer ${createApiKey('ci')}`, `Bearer ${createApiKey('nobody')}`].map(
      async (authorization) => (await send('/v1/jobs/job-1', { headers: { authorization } })).text(),
    );
    expect(new Set(await Promise.all(answers)).size).toBe(1);
  });

  it.each(['/healthz', '/readyz'])('may ask for %s', async (path) => {
    const { send } = await setup();
    expect((await send(path, { headers: { authorization: 'Bearer nonsense' } })).status).toBe(200);
  });
});

/** A problem about an unknown id, without the id. */
function withoutId(body: string): string {
  const { detail, ...problem } = JSON.parse(body);
  return JSON.stringify({ ...problem, detail: detail.replace(/ id ".*"; /s, ' id ?; ') });
}

describe('a path', () => {
  it.each(['/v2/jobs', '/v1', '/favicon.ico', '/v1/jobs/job-1/more', '/%2e%2e/x', '/v1/jobs%00'])(
    '%s if there is nothing is answered 404',
    async (path) => {
      const { send } = await setup();
      const response = await send(path);
      expect(response.status).toBe(404);
      expect(await problemIn(response)).toMatchObject({ code: 'route-unknown' });
    },
  );

  it.each([
    ['/v1/operations/echo', 'did you mean /v1/operations?'],
    ['/v1/jobs/job-1/result', 'did you mean /v1/jobs/job-1?'],
    ['/v1/usage/', 'did you mean /v1/usage?'],
    ['/favicon.ico', 'GET /docs lists what there is'],
    ['/v1', 'GET /docs lists what there is'],
    ['/v2/jobs', 'GET /docs lists what there is'],
  ])('%s is answered with what was probably meant', async (path, detail) => {
    const { send } = await setup();
    expect(await problemIn(await send(path))).toMatchObject({ code: 'route-unknown', detail });
  });

  it.each([
    ['DELETE', '/v1/jobs', 'POST'],
    ['PUT', '/v1/jobs', 'POST'],
    ['PATCH', '/v1/jobs', 'GET'],
    ['PUT', '/v1/jobs/job-1', 'GET'],
    ['POST', '/v1/jobs/job-1', 'GET'],
    ['POST', '/v1/operations', 'GET'],
    ['POST', '/healthz', 'GET'],
    ['PATCH', '/readyz', 'GET'],
    ['GET', '/v1/jobs/batch', 'POST'],
    ['DELETE', '/v1/jobs/batch', 'POST'],
    ['GET', '/v1/jobs/cancel', 'POST'],
    ['DELETE', '/v1/jobs/cancel', 'POST'],
    ['GET', '/v1/dead-letters/redrive', 'POST'],
  ])('%s %s is answered 405, and Allow says %s', async (method, path, allow) => {
    const { send } = await setup();
    const response = await send(path, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')?.split(', ')).toContain(allow);
    expect(await problemIn(response)).toMatchObject({ code: 'method-not-allowed' });
  });

  it.each([
    ['POST', '/v1/schedules', 'GET', 'use GET or PUT /v1/schedules/{name}'],
    ['PUT', '/v1/schedules', 'GET', 'use GET or PUT /v1/schedules/{name}'],
    ['DELETE', '/v1/schedules', 'GET', 'use GET or DELETE /v1/schedules/{name}'],
    ['DELETE', '/v1/jobs', 'GET, POST', 'use GET or POST or DELETE /v1/jobs/{id}'],
    ['DELETE', '/v1/outbox', 'GET', 'use GET or DELETE /v1/outbox/{id}'],
    ['PATCH', '/v1/jobs', 'GET, POST', 'use GET or POST'],
    ['GET', '/v1/outbox/job-1', 'DELETE', 'use DELETE or GET /v1/outbox'],
    ['POST', '/v1/jobs/job-1', 'GET, DELETE', 'use GET or DELETE or POST /v1/jobs'],
    ['POST', '/v1/schedules/nightly', 'GET, DELETE, PUT', 'use GET or DELETE or PUT'],
    ['GET', '/v1/jobs/batch', 'POST', 'use POST or GET /v1/jobs'],
  ])('%s %s names what was meant for an item or for the list', async (method, path, allow, detail) => {
    const { send } = await setup();
    const response = await send(path, { method });
    expect(await problemIn(response)).toMatchObject({ code: 'method-not-allowed', detail });
    expect(response.headers.get('allow')).toBe(allow);
  });

  it('names the allowed methods only to a caller with a key', async () => {
    const { send } = await setup();
    expect(
      (await send('/v1/jobs', { method: 'DELETE', headers: { authorization: 'Bearer x' } })).status,
    ).toBe(401);
  });
});

describe('a submission', () => {
  it('is answered 202 with the job and its path', async () => {
    const { post, submitted } = await setup();
    const response = await post(submission);
    expect(response.status).toBe(202);
    const [command] = submitted;
    expect(command).toMatchObject({
      tenant: 'acme',
      operation: 'echo',
      input: { any: 'thing' },
      waitMs: 0,
    });
    expect(command?.spec).toEqual({});
    expect(isToken(command?.jobId)).toBe(true);
    expect(response.headers.get('location')).toBe(`/v1/jobs/${command?.jobId}`);
    expect(response.headers.has('preference-applied')).toBe(false);
    expect(await response.json()).toEqual(job({ id: command?.jobId ?? '' }));
  });

  it('belongs to the tenant of the key, whatever body and headers say', async () => {
    const { post, submitted } = await setup();
    await post(submission, { ...AS_GLOBEX, 'x-tenant': 'acme', baggage: 'tenant=admin,__proto__=x' });
    expect(submitted[0]?.tenant).toBe('globex');
    expect((await post({ ...submission, tenant: 'acme' }, AS_GLOBEX)).status).toBe(400);
    expect(submitted).toHaveLength(1);
  });

  it('that waits is answered 200 when the job has ended, with the wait that was applied', async () => {
    const { post, submitted } = await setup({ submit: () => job({ state: 'succeeded', result: 7 }) });
    const response = await post(submission, { prefer: 'wait=3600' });
    expect(response.status).toBe(200);
    expect(response.headers.get('preference-applied')).toBe('wait=60');
    expect(submitted[0]?.waitMs).toBe(60_000);
  });

  it.each(['queued', 'running', 'retrying'] as const)(
    'that waits is answered 202 while the job is %s',
    async (state) => {
      const { post } = await setup({ submit: () => job({ state }) });
      expect((await post(submission, { prefer: 'wait=1' })).status).toBe(202);
    },
  );

  it('with an idempotency key gives the same job each time, and another one to each tenant', async () => {
    const { post, submitted } = await setup();
    const key = { 'idempotency-key': 'order-7' };
    await post(submission, key);
    await post(submission, key);
    await post(submission, { ...key, ...AS_GLOBEX });
    expect(submitted[1]?.jobId).toBe(submitted[0]?.jobId);
    expect(submitted[2]?.jobId).not.toBe(submitted[0]?.jobId);
    expect(new Set(submitted.map(({ spec }) => spec.fingerprint)).size).toBe(1);
  });

  it('with a broken idempotency key is answered 400', async () => {
    const { post, submitted } = await setup();
    for (const key of ['', 'a b', 'x'.repeat(256)]) {
      expect((await post(submission, { 'idempotency-key': key })).status).toBe(400);
    }
    expect(submitted).toEqual([]);
  });

  it('passes its limits to the bridge', async () => {
    const { post, submitted } = await setup();
    await post({ ...submission, timeout: '90s', maxAttempts: 3 });
    expect(submitted[0]).toMatchObject({ spec: { timeoutMs: 90_000, maxAttempts: 3 } });
  });
});

describe('reading a job', () => {
  it('gives the job of the calling tenant', async () => {
    const { send, reads } = await setup({ read: () => job({ state: 'running' }) });
    const response = await send('/v1/jobs/job-1');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(job({ state: 'running' }));
    expect(reads).toEqual([['acme', 'job-1']]);
  });

  it('gives one answer for an unknown id, the id of another tenant, and a malformed id', async () => {
    const own = (tenant: string, id: string) => (tenant === 'acme' && id === 'job-1' ? job() : undefined);
    const { send } = await setup({ read: own });
    const foreign = await send('/v1/jobs/job-1', { headers: AS_GLOBEX });
    const expected = { status: foreign.status, body: withoutId(await foreign.text()) };
    expect(expected.status).toBe(404);
    expect(JSON.parse(expected.body)).toMatchObject({
      code: 'job-unknown',
      detail: 'no job of yours has the id ?; GET /v1/jobs lists your jobs',
    });
    for (const id of [
      'nobody',
      '*',
      '%3E',
      'a.b',
      'a%20b',
      'a%0d%0ab',
      '%00',
      '%F0%9F%A7%B5',
      '%',
      'x'.repeat(65),
    ]) {
      const response = await send(`/v1/jobs/${id}`, { headers: AS_GLOBEX });
      expect({ status: response.status, body: withoutId(await response.text()) }).toEqual(expected);
    }
  });

  it('never asks the bridge for a malformed id', async () => {
    const { send, reads } = await setup();
    for (const [, id] of NOT_A_TOKEN)
      if (id !== '') await send(`/v1/jobs/${encodeURIComponent(id.toWellFormed())}`);
    expect(reads).toEqual([]);
  });
});

describe('an error of the bridge', () => {
  it('says when to try again', async () => {
    const { post } = await setup({ submit: () => Promise.reject(unavailable('no answer in time')) });
    const response = await post(submission);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await problemIn(response)).toMatchObject({ code: 'broker-unavailable' });
  });

  it('changes readiness, not liveness', async () => {
    const { send } = await setup({ status: () => Promise.reject(unavailable('no pong in time')) });
    expect((await send('/readyz')).status).toBe(503);
    expect((await send('/healthz')).status).toBe(200);
  });

  it('is shown with its violations and suggestions', async () => {
    const violations = [{ path: '/width', message: 'is too small' }];
    const error = new ThroughlineError('input-invalid', 'why', { violations, suggestions: ['echo'] });
    const { post } = await setup({ submit: () => Promise.reject(error) });
    const response = await post(submission);
    expect(response.status).toBe(422);
    expect(response.headers.has('retry-after')).toBe(false);
    expect(await problemIn(response)).toMatchObject({ violations, suggestions: ['echo'], detail: 'why' });
  });

  it('that has a cause on our side is logged with it: only the platform knows why an object does not start', async () => {
    const cause = new Error('SQL is not enabled for this Durable Object class');
    const { post, logged } = await setup({ submit: () => Promise.reject(unavailable('failed', cause)) });
    const response = await post(submission);
    expect(await response.text()).not.toContain('SQL');
    expect(logged.filter(({ level }) => level === 'error')).toEqual([
      { level: 'error', message: 'a request failed', fields: { reason: cause.message } },
    ]);
  });

  it('that is the fault of the request is not logged as an error, whatever caused it', async () => {
    const error = new ThroughlineError('request-invalid', 'why', { cause: new Error('because') });
    const { post, logged } = await setup({ submit: () => Promise.reject(error) });
    expect((await post(submission)).status).toBe(400);
    expect(logged.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['an Error', new Error('canary at /srv/secret.ts:7')],
    ['an Error with a cause', new Error('canary', { cause: new Error('canary') })],
  ])('that is unexpected (%s) is answered 500, and only the log tells the cause', async (_what, thrown) => {
    const { post, logged } = await setup({ submit: () => Promise.reject(thrown) });
    const response = await post(submission);
    expect(response.status).toBe(500);
    const text = await response.text();
    expect(text).not.toContain('canary');
    expect(JSON.parse(text)).toMatchObject({ code: 'internal' });
    expect(JSON.stringify(logged.filter(({ level }) => level === 'error'))).toContain('canary');
  });

  it('that is unexpected is logged also where it is that of one job of a batch', async () => {
    const { send, logged } = await setup();
    const digest = crypto.subtle.digest.bind(crypto.subtle);
    const broken = vi.spyOn(crypto.subtle, 'digest').mockImplementation((algorithm, data) => {
      const isOfKey = new TextDecoder().decode(data).includes('my-key');
      return isOfKey ? Promise.reject(new Error('canary')) : digest(algorithm, data);
    });
    onTestFinished(() => broken.mockRestore());
    const response = await send('/v1/jobs/batch', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'my-key' },
      body: JSON.stringify({ jobs: [submission] }),
    });
    expect(await response.json()).toMatchObject({
      results: [{ status: 500, problem: { code: 'internal' } }],
    });
    expect(logged.filter(({ level }) => level === 'error')).toEqual([
      { level: 'error', message: 'a request failed', fields: { reason: 'canary' } },
    ]);
  });
});

describe('an answer', () => {
  it('names the span of the request, in the header and in a problem', async () => {
    const { send } = await setup();
    const active = startTrace();
    const span = trace.getSpanContext(active);
    const response = await context.with(active, () => send('/nowhere'));
    expect(response.headers.get('traceresponse')).toBe(`00-${span?.traceId}-${span?.spanId}-02`);
    expect(await problemIn(response)).toMatchObject({ traceId: span?.traceId });
  });

  it('names no span if there is none', async () => {
    const { send } = await setup();
    const response = await send('/nowhere');
    expect(response.headers.has('traceresponse')).toBe(false);
    expect(await problemIn(response)).not.toHaveProperty('traceId');
  });

  it('is logged once, with route, status, tenant and the outcome of the trace context', async () => {
    const { send, logged } = await setup({ read: () => job() });
    await send('/v1/jobs/job-1', { headers: { traceparent: 'broken' } });
    expect(logged).toEqual([
      {
        level: 'info',
        message: 'request',
        fields: {
          method: 'GET',
          route: '/v1/jobs/:id',
          status: 200,
          ms: expect.any(Number),
          tenant: 'acme',
          trace_outcome: 'invalid',
          trace_reason: 'malformed',
        },
      },
    ]);
  });

  it('names its job in that line, if it submits one', async () => {
    const { post, logged } = await setup({ submit: () => job({ id: 'job-7' }) });
    await post(submission);
    expect(logged).toMatchObject([{ message: 'request', fields: { job_id: 'job-7', operation: 'echo' } }]);
  });

  it('never repeats a key, neither in the log nor to the caller', async () => {
    const { send, post, logged } = await setup();
    const answers = [await send('/nowhere'), await post('{'), await post(submission)];
    const all = JSON.stringify([logged, await Promise.all(answers.map((answer) => answer.text()))]);
    expect(all).not.toContain(KEY);
  });
});
