/** A tenant whose jobs leave large results in the store of NATS. */
import { randomUUID } from 'node:crypto';
import { jetstreamManager } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import { expect, it } from 'vitest';
import { UsageReport } from '../../shared/api/usage.ts';
import { Job } from '../../shared/job/job.ts';
import { EVENTS_STREAM, NANOS_PER_MS } from '../../shared/nats/streams.ts';
import { metricOf } from '../support/http/metrics.ts';
import { startTokenIssuer, tokenSettings } from '../support/http/token-issuer.ts';
import { connectTo } from '../support/jobs.ts';
import { until } from '../support/poll.ts';
import { problemOf, type TestStack, withTestStack } from '../support/stack.ts';

const RESULT_BYTES = 200_000;
const LARGE = { operation: 'echo', input: 'x'.repeat(RESULT_BYTES) };
const SMALL = { operation: 'echo', input: 1 };
const WAIT = { prefer: 'wait=30' };
const QUOTA = 1_000_000;
/** As many results as fill the quota. */
const FILL = QUOTA / RESULT_BYTES;
const OF_QUOTA = 'bridge="bridge-global-0",quota="storedBytes"';

/** Waits until NATS has let all events expire, as it does after seven days. */
async function expireEvents(stack: TestStack): Promise<void> {
  const { streams } = await jetstreamManager(await connectTo(stack));
  const age = 100 * NANOS_PER_MS;
  await streams.update(EVENTS_STREAM, { max_age: age, duplicate_window: age });
  await until('no event to be left', async () => (await streams.info(EVENTS_STREAM)).state.messages === 0);
}

it('Q14: a tenant whose results fill its quota is refused more until they expire or it may have more, and another one is refused nothing', async () => {
  const issuer = await startTokenIssuer();
  const stack = await withTestStack({
    edge: { ...tokenSettings(issuer), JWT_QUOTAS_CLAIM: 'limits', TENANT_MAX_STORED_BYTES: String(QUOTA) },
  });
  const callerOf = async (tenant: string, limits = {}) => {
    const token = await issuer.token(tenant, 'jobs:read jobs:write', { claims: { limits } });
    const authorization = `Bearer ${token}`;
    const submit = (job: object, more = {}) => stack.submit(job, { authorization, ...more });
    const usage = async () =>
      UsageReport.parse(await (await stack.call('/v1/usage', { headers: { authorization } })).json());
    return { submit, usage };
  };
  const alpha = await callerOf('alpha');
  const beta = await callerOf('beta');

  for (let n = 0; n < FILL; n++) {
    const response = await alpha.submit(LARGE, WAIT);
    expect([response.status, Job.parse(await response.json()).state]).toEqual([200, 'succeeded']);
  }
  await until('the results to count', async () => (await alpha.usage()).used.storedBytes >= QUOTA);
  const { used, quotas } = await alpha.usage();
  expect(used).toMatchObject({ jobs: 0, bytes: 0 });
  expect(used.storedBytes).toBeLessThan(QUOTA * 1.1);
  expect(quotas.storedBytes).toBe(QUOTA);

  // The bridge learns of results when it reports the next job.
  const refused = await until('a refusal', async () => {
    const response = await alpha.submit(SMALL);
    return response.status !== 202 && response;
  });
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '3600']);
  expect(refused.headers.get('ratelimit-policy')).toContain(`"storedBytes";q=${QUOTA};qu="content-bytes"`);
  expect(await problemOf(refused)).toMatchObject({
    code: 'quota-exceeded',
    quota: 'storedBytes',
    detail: expect.stringContaining('the events and dead letters of this tenant may have 1000000;'),
  });
  expect(await metricOf(stack.url, 'throughline_bridge_quota_refusals_total', OF_QUOTA)).toBe(1);
  expect(await metricOf(stack.url, 'throughline_bridge_quota_use_ratio', OF_QUOTA)).toBeGreaterThanOrEqual(1);
  expect((await beta.submit(LARGE, WAIT)).status).toBe(200);

  const richer = await callerOf('alpha', { storedBytes: 2 * QUOTA });
  expect((await richer.submit(SMALL, WAIT)).status).toBe(200);
  expect((await alpha.submit(SMALL)).status).toBe(429);

  await expireEvents(stack);
  expect((await alpha.submit(SMALL)).status).toBe(202);
  expect((await alpha.usage()).used.storedBytes).toBeLessThan(RESULT_BYTES);
  await issuer.stop();
});

it('Q14: without a setting each tenant may fill half of the store, if setup knew how large it is', async () => {
  const stack = await withTestStack({ worker: { STREAM_STORE_BYTES: '100000000' } });
  const storedBytes = async () =>
    UsageReport.parse(await (await stack.call('/v1/usage')).json()).quotas.storedBytes;
  expect((await stack.submit(SMALL, WAIT)).status).toBe(200);
  await until('the bridge to know', async () => (await storedBytes()) === 50_000_000);
  // A check of readiness looks again.
  const { streams } = await jetstreamManager(await connectTo(stack));
  const metadata = { 'dev.throughline.tenant-bytes': '1000' };
  await streams.update(EVENTS_STREAM, { metadata });
  expect((await stack.call('/readyz')).status).toBe(200);
  expect(await storedBytes()).toBe(1_000);
  const refused = await until('a refusal', async () => {
    const response = await stack.submit(SMALL, WAIT);
    return response.status !== 200 && response;
  });
  expect(await problemOf(refused)).toMatchObject({ status: 429, quota: 'storedBytes' });
});

it('Q14: what is stored counts as NATS counts it, also of small jobs, of much baggage, and of a producer that says another size', async () => {
  const stack = await withTestStack();
  const connection = await connectTo(stack);
  const { streams } = await jetstreamManager(connection);
  const isCounted = async () => {
    const { used } = UsageReport.parse(await (await stack.call('/v1/usage')).json());
    const { bytes } = (await streams.info(EVENTS_STREAM)).state;
    return Math.abs(used.storedBytes / bytes - 1) < 0.1;
  };
  const baggage = Array.from({ length: 8 }, (_, n) => `key${n}=${'v'.repeat(900)}`).join(',');
  for (const more of [{}, { baggage }]) {
    for (let n = 0; n < 10; n++) expect((await stack.submit(SMALL, { ...WAIT, ...more })).status).toBe(200);
    await until('the events to count', isCounted);
  }
  const own = headers();
  own.set('Nats-Msg-Size', 'small');
  await connection.request(`events.demo.${randomUUID()}`, 'x'.repeat(RESULT_BYTES), {
    headers: own,
    timeout: 5_000,
  });
  await until('the large event to count', isCounted);
});
