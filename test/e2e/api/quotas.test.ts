import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JobPage } from '../../../shared/api/answers/job-list.ts';
import { UsageReport } from '../../../shared/api/usage.ts';
import { Job } from '../../../shared/job/job.ts';
import { bodyOf } from '../../support/http/answers.ts';
import { startTokenIssuer, type TokenIssuer, tokenSettings } from '../../support/http/token-issuer.ts';
import { until } from '../../support/poll.ts';
import { problemOf, startTestStack, type TestStack } from '../../support/stack.ts';

const LATE = { operation: 'echo', input: 1, delay: '1h' };
const SCOPES = 'jobs:read jobs:write jobs:cancel';

let issuer: TokenIssuer;
let stack: TestStack;
beforeAll(async () => {
  issuer = await startTokenIssuer();
  stack = await startTestStack({
    edge: {
      ...tokenSettings(issuer),
      JWT_QUOTAS_CLAIM: 'limits',
      TENANT_QUOTAS: '{"both":{"jobs":1}}',
      // A bridge sees at its next event that a reader has gone.
      SSE_HEARTBEAT_MS: '100',
    },
    tracing: false,
  });
});
afterAll(() => issuer.stop());

/** A caller with a token that names quotas of its tenant. */
async function callerOf(tenant: string, limits: unknown) {
  const token = await issuer.token(tenant, SCOPES, { claims: { limits } });
  const headers = { authorization: `Bearer ${token}` };
  const call = (path: string, more: Record<string, string> = {}, init: RequestInit = {}) =>
    stack.call(path, { ...init, headers: { ...headers, ...more } });
  const submit = (body: object, more: Record<string, string> = {}) =>
    stack.submit(body, { ...headers, ...more });
  const usage = async () => UsageReport.parse(await (await call('/v1/usage')).json());
  return { call, submit, usage };
}

/** What a refusal says about the quota. */
async function quotaOf(response: Response) {
  const { code, quota } = await problemOf(response);
  const { headers } = response;
  return { code, quota, limit: headers.get('ratelimit'), policy: headers.get('ratelimit-policy') };
}

describe('A31: the quotas that a token names', () => {
  it('bound the jobs of its tenant, and another tenant keeps the common ones', async () => {
    const alpha = await callerOf('alpha', { jobs: 2 });
    const beta = await callerOf('beta', undefined);
    for (let n = 0; n < 2; n++) expect((await alpha.submit(LATE)).status).toBe(202);
    const refused = await alpha.submit(LATE);
    expect(refused.status).toBe(429);
    expect(await quotaOf(refused)).toEqual({
      code: 'quota-exceeded',
      quota: 'jobs',
      limit: '"jobs";r=0;t=5',
      policy: '"requests";q=20000;w=10, "jobs";q=2',
    });
    for (let n = 0; n < 3; n++) expect((await beta.submit(LATE)).status).toBe(202);
    // The index counts a job a moment after it was accepted.
    await until('both jobs to be counted', async () => (await alpha.usage()).used.jobs >= 2);
    const { used, quotas } = await alpha.usage();
    expect([used.jobs, used.delayedJobs, quotas.jobs]).toEqual([2, 2, 2]);
  });

  it('count less than what TENANT_QUOTAS says about the tenant', async () => {
    const caller = await callerOf('both', { jobs: 1_000, streams: 7 });
    const { quotas } = await caller.usage();
    expect([quotas.jobs, quotas.streams]).toEqual([1, 7]);
    await caller.submit(LATE);
    expect((await caller.submit(LATE)).status).toBe(429);
  });

  it('bound its waits and its event streams, which its usage shows while they are open', async () => {
    const caller = await callerOf('gamma', { waits: 1, streams: 1 });
    const job = Job.parse(await (await caller.submit(LATE)).json());
    const cut = new AbortController();
    const path = `/v1/jobs/${job.id}/events`;
    const stream = await caller.call(path, { accept: 'text/event-stream' }, { signal: cut.signal });
    const waiting = caller.submit(LATE, { prefer: 'wait=20' });
    await until('both to be open', async () => {
      const { jobs, waits, streams } = (await caller.usage()).used;
      return jobs === 2 && waits === 1 && streams === 1;
    });
    expect(await quotaOf(await caller.submit(LATE, { prefer: 'wait=20' }))).toMatchObject({
      code: 'too-many-waits',
      quota: 'waits',
      limit: '"waits";r=0;t=5',
    });
    const second = await caller.call(path, { accept: 'text/event-stream' });
    expect(await quotaOf(second)).toMatchObject({
      code: 'too-many-streams',
      quota: 'streams',
      limit: '"streams";r=0;t=5',
    });

    const metrics = await (await stack.call('/metrics')).text();
    for (const quota of ['waits', 'streams']) {
      expect(metrics).toContain(`quota_refusals_total{bridge="bridge-global-0",quota="${quota}"} 1\n`);
      // Operators see it against the common quotas: tokens are not known to them.
      expect(metrics).toContain(`quota_use_ratio{bridge="bridge-global-0",quota="${quota}"} 0.005\n`);
    }
    for (const room of ['queue_bytes', 'queue_max_bytes', 'delayed_bytes', 'delayed_max_bytes'])
      expect(metrics).toMatch(
        new RegExp(`^throughline_bridge_${room}\\{bridge="bridge-global-0"\\} [0-9]+$`, 'm'),
      );
    cut.abort();
    await stream.body?.cancel().catch(() => undefined);
    await until('the stream to be closed', async () => (await caller.usage()).used.streams === 0);
    const [late] = await Promise.all([
      waiting,
      ...[...(await listed(caller))].map((id) => caller.call(`/v1/jobs/${id}`, {}, { method: 'DELETE' })),
    ]);
    expect(late.status).toBe(200);
    expect((await caller.usage()).used.waits).toBe(0);
  });

  it('bound its requests', async () => {
    const caller = await callerOf('delta', { requests: 1 });
    const refused = await until('a refusal', async () => {
      const response = await caller.call('/v1/operations');
      return response.status === 429 && response;
    });
    expect(await quotaOf(refused)).toEqual({
      code: 'rate-limited',
      quota: 'requests',
      limit: '"requests";r=0;t=1',
      policy: '"requests";q=100;w=100',
    });
    expect((await (await callerOf('epsilon', undefined)).call('/v1/operations')).status).toBe(200);
  });
});

async function listed(caller: Awaited<ReturnType<typeof callerOf>>): Promise<string[]> {
  const { jobs } = await bodyOf(JobPage, caller.call('/v1/jobs'));
  return jobs.map(({ id }) => id);
}
