import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { QuotaUse } from '../../../shared/api/answers/health.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import type { SpentQuota } from '../../../shared/quotas.ts';
import { AS_GLOBEX, problemIn, setup } from './app-support.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterEach(() => void vi.useRealTimers());

type App = Awaited<ReturnType<typeof setup>>;
const statusOf = async (answer: Promise<Response>): Promise<number> => (await answer).status;
const batchOf = (app: App, jobs: number, headers: Record<string, string> = {}): Promise<Response> =>
  app.send('/v1/jobs/batch', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ jobs: Array.from({ length: jobs }, () => ({ operation: 'echo', input: 1 })) }),
  });
const spend = async (app: App, requests: number, path = '/v1/operations', headers = {}): Promise<number[]> =>
  await Promise.all(Array.from({ length: requests }, () => statusOf(app.send(path, { headers }))));
const ANONYMOUS = { authorization: '' };

describe('the requests of a tenant', () => {
  const limited = () => setup({}, { TENANT_REQUESTS_PER_SECOND: '1' });

  it('are refused above its limit, and taken again as time goes by', async () => {
    const app = await limited();
    expect(new Set(await spend(app, 100))).toEqual(new Set([200]));
    const refused = await app.send('/v1/operations');
    expect(await problemIn(refused)).toMatchObject({ code: 'rate-limited', quota: 'requests' });
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(refused.headers.get('ratelimit')).toBe('"requests";r=0;t=1');
    expect(refused.headers.get('ratelimit-policy')).toBe('"requests";q=100;w=100');
    expect(await statusOf(app.send('/v1/operations', { headers: AS_GLOBEX }))).toBe(200);
    vi.advanceTimersByTime(1_000);
    expect(await spend(app, 2)).toEqual([200, 429]);
  });

  it('are told their limit in every answer, whatever it is', async () => {
    const app = await limited();
    for (const path of ['/v1/operations', '/v1/nothing', '/v1/jobs?limit=x', '/docs', '/readyz']) {
      const { headers } = await app.send(path);
      expect([path, headers.get('ratelimit-policy')]).toEqual([path, '"requests";q=100;w=100']);
      expect(headers.has('ratelimit')).toBe(false);
    }
  });

  it('count each job of a batch, and a batch above the limit submits nothing', async () => {
    const app = await limited();
    expect(await statusOf(batchOf(app, 60))).toBe(207);
    const refused = await batchOf(app, 41);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(app.submitted).toHaveLength(60);
    // The refused request itself was counted.
    expect(await statusOf(batchOf(app, 39))).toBe(207);
    expect(await spend(app, 1)).toEqual([429]);
    vi.advanceTimersByTime(100_000);
    expect(await statusOf(batchOf(app, 100))).toBe(207);
  });

  it('have the limit that TENANT_QUOTAS names for the tenant', async () => {
    const app = await setup({}, { TENANT_QUOTAS: '{"acme":{"requests":20}}' });
    expect((await app.send('/v1/operations')).headers.get('ratelimit-policy')).toBe('"requests";q=200;w=10');
    const { headers } = await app.send('/v1/operations', { headers: AS_GLOBEX });
    expect(headers.get('ratelimit-policy')).toBe('"requests";q=20000;w=10');
  });

  it('are told the limit of the binding too', async () => {
    const limiter = { limit: async ({ key }: { key: string }) => ({ success: key === 'acme' }) };
    const app = await setup({}, { RATE_LIMITER: limiter, RATE_LIMIT_POLICY: '5;w=60' });
    const policy = '"requests";q=20000;w=10, "locationRequests";q=5;w=60';
    expect((await app.send('/v1/operations')).headers.get('ratelimit-policy')).toBe(policy);
    const refused = await app.send('/v1/operations', { headers: AS_GLOBEX });
    expect(refused.headers.get('ratelimit-policy')).toBe(policy);
    expect(refused.headers.get('ratelimit')).toBe('"locationRequests";r=0;t=60');
    expect(await problemIn(refused)).toMatchObject({ code: 'rate-limited', quota: 'locationRequests' });
  });
});

describe('requests without a valid key', () => {
  const limited = () => setup({}, { ADDRESS_REQUESTS_PER_SECOND: '1', FAILED_AUTH_PER_MINUTE: '1000' });
  const from = (address: string, authorization = '') => ({ authorization, 'cf-connecting-ip': address });

  it.each(['/docs', '/nothing', '/readyz', '/v1/jobs'])('are limited for each address: %s', async (path) => {
    const app = await limited();
    expect(await spend(app, 100, path, from('192.0.2.1'))).not.toContain(429);
    const refused = await app.send(path, { headers: from('192.0.2.1', 'Bearer wrong') });
    expect(await problemIn(refused)).toMatchObject({ code: 'rate-limited', quota: 'addressRequests' });
    expect(refused.headers.get('ratelimit-policy')).toBe('"addressRequests";q=100;w=100');
    expect(await spend(app, 1, path, from('192.0.2.2'))).not.toContain(429);
    // A valid key passes from any address.
    expect(await spend(app, 1, '/v1/operations', { 'cf-connecting-ip': '192.0.2.1' })).toEqual([200]);
  });

  it('may always ask whether the Worker runs', async () => {
    expect(new Set(await spend(await limited(), 300, '/healthz', ANONYMOUS))).toEqual(new Set([200]));
  });

  it('are told which limit it is when they fail to authenticate', async () => {
    const app = await setup({}, { FAILED_AUTH_PER_MINUTE: '1' });
    expect(await spend(app, 1, '/v1/jobs', ANONYMOUS)).toEqual([401]);
    const refused = await app.send('/v1/jobs', { headers: ANONYMOUS });
    expect(await problemIn(refused)).toMatchObject({ quota: 'failedAuthentication' });
    expect(refused.headers.get('ratelimit-policy')).toBe('"failedAuthentication";q=1;w=60');
    expect(refused.headers.get('ratelimit')).toBe('"failedAuthentication";r=0;t=60');
  });
});

describe('A31: a refusal for a quota', () => {
  it.each<[SpentQuota, string, string]>([
    [{ name: 'jobs', limit: 5, left: 0 }, '"jobs";r=0;t=3', '"jobs";q=5'],
    [{ name: 'bytes', limit: 900, left: 7 }, '"bytes";r=7;t=3', '"bytes";q=900;qu="content-bytes"'],
    [{ name: 'storedBytes', limit: 9 }, '"storedBytes";r=0;t=3', '"storedBytes";q=9;qu="content-bytes"'],
    [{ name: 'waits', limit: 2 }, '"waits";r=0;t=3', '"waits";q=2;qu="concurrent-requests"'],
  ])('names it in the problem and in the headers: %j', async (quota, limit, policy) => {
    const { post } = await setup({
      submit: () => {
        throw new ThroughlineError('quota-exceeded', 'it is used up', { quota, retryAfterSeconds: 3 });
      },
    });
    const response = await post({ operation: 'echo', input: 1 });
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '3']);
    expect(response.headers.get('ratelimit')).toBe(limit);
    expect(response.headers.get('ratelimit-policy')).toBe(`"requests";q=20000;w=10, ${policy}`);
    expect(await problemIn(response)).toMatchObject({ code: 'quota-exceeded', quota: quota.name });
  });
});

describe('the usage of a tenant', () => {
  it('has what it uses and all its quotas; of several bridges the fullest counts', async () => {
    const { send } = await setup({}, { TENANT_QUOTAS: '{"acme":{"waits":5}}' });
    expect(await (await send('/v1/usage')).json()).toMatchObject({
      used: {
        jobs: 1,
        bytes: 2,
        delayedJobs: 3,
        delayedBytes: 4,
        storedBytes: 6,
        outboxJobs: 1,
        outboxBytes: 20,
        waits: 2,
        streams: 3,
        schedules: 5,
      },
      quotas: { jobs: 250_000, storedBytes: 600, waits: 5, streams: 200, requests: 2_000 },
    });
  });

  it('is told to operators as the largest share of each quota, without a name', async () => {
    const { send } = await setup();
    const metrics = await (await send('/metrics')).text();
    expect(metrics).toContain(
      'throughline_bridge_quota_use_ratio{bridge="bridge-global-0",quota="jobs"} 0.5',
    );
    expect(metrics).toContain(
      'throughline_bridge_quota_refusals_total{bridge="bridge-global-0",quota="jobs"} 7',
    );
    expect(metrics).not.toContain('acme');
  });

  it('has refusals of the quotas that a bridge keeps, and of no other: those would stay at 0', async () => {
    const { send } = await setup();
    const metrics = await (await send('/metrics')).text();
    const refusals = /^throughline_bridge_quota_refusals_total\{bridge="bridge-global-0",quota="(\w+)"\}/gm;
    const counted = [...metrics.matchAll(refusals)].map(([, quota]) => quota);
    expect(counted.toSorted()).toEqual(Object.keys(QuotaUse.shape).toSorted());
  });
});
