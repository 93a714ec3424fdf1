import { beforeAll, describe, expect, it } from 'vitest';
import { createApiKey, hashApiKey } from '../../../shared/api/access.ts';
import type { BridgeStatus } from '../../../shared/api/answers/health.ts';
import type { JobPage } from '../../../shared/api/answers/job-list.ts';
import type { OutboxItem } from '../../../shared/api/answers/outbox.ts';
import type { Job } from '../../../shared/job/job.ts';
import { printed } from '../../support/cli/process.ts';
import { until } from '../../support/poll.ts';
import { problemOf, startTestStack, type TestStack } from '../../support/stack.ts';

const echo = (input: unknown) => ({ operation: 'echo', input });

async function json<T>(answer: Promise<Response>): Promise<T> {
  return (await (await answer).json()) as T;
}

async function outboxOf(stack: TestStack): Promise<OutboxItem[]> {
  return (await json<{ jobs: OutboxItem[] }>(stack.call('/v1/outbox'))).jobs;
}

async function statusOf(stack: TestStack): Promise<BridgeStatus['outbox'] | undefined> {
  return (await json<{ bridges: BridgeStatus[] }>(stack.call('/readyz'))).bridges[0]?.outbox;
}

/** Waits until the outbox holds exactly these states. */
function untilStates(stack: TestStack, states: readonly OutboxItem['state'][]): Promise<OutboxItem[]> {
  return until(`the outbox to hold ${JSON.stringify(states)}`, async () => {
    const items = await outboxOf(stack);
    return JSON.stringify(items.map(({ state }) => state)) === JSON.stringify(states) && items;
  });
}

interface Used {
  readonly key: Record<string, string>;
  readonly job: Job;
}

async function runWithKey(stack: TestStack, key: string): Promise<Used> {
  const headers = { 'idempotency-key': key };
  const job = await json<Job>(stack.submit(echo('first'), { ...headers, prefer: 'wait=20' }));
  expect(job.state).toBe('succeeded');
  return { key: headers, job };
}

/** Makes rejected rows: in an outage, each used key comes again with another body. */
async function reuseKeysInOutage(stack: TestStack, used: readonly Used[]): Promise<void> {
  await stack.nats.kill('SIGKILL');
  for (const [place, { key, job }] of used.entries()) {
    const again = await stack.submit(echo(`other ${place}`), key);
    expect([again.status, await again.json()]).toMatchObject([
      202,
      { id: job.id, durability: 'outbox', state: 'queued' },
    ]);
  }
  await stack.nats.restart();
}

describe('E14: a rejected job whose idempotency key belongs to an earlier job', () => {
  let stack: TestStack;
  let used: Used[];
  let items: OutboxItem[];
  beforeAll(async () => {
    stack = await startTestStack({ edge: { OUTBOX_TENANT_PERCENT: '100' } });
    used = [await runWithKey(stack, 'one'), await runWithKey(stack, 'two')];
    await reuseKeysInOutage(stack, used);
    items = await untilStates(stack, ['rejected', 'rejected']);
  });

  it('has an id of its own', () => {
    const ids = used.map(({ job }) => job.id);
    expect(items.map(({ jobId }) => jobId)).toEqual(ids);
    expect(new Set([...ids, ...items.map(({ id }) => id)]).size).toBe(4);
    expect(items[0]?.reason).toContain('idempotency-key-reused');
  });

  it('never hides the earlier job: not in a read, a list, a history, a replay or a cancel', async () => {
    const { key, job } = used[0] as Used;
    expect(await json<Job>(stack.call(`/v1/jobs/${job.id}`))).toMatchObject({
      state: 'succeeded',
      result: 'first',
    });
    const { jobs } = await json<JobPage>(stack.call('/v1/jobs'));
    expect(jobs.filter(({ id }) => id === job.id)).toMatchObject([
      { state: 'succeeded', durability: 'stream' },
    ]);
    const { events } = await json<{ events: { kind: string }[] }>(stack.call(`/v1/jobs/${job.id}/events`));
    expect(events.map(({ kind }) => kind)).toEqual(['started', 'succeeded']);
    const replayed = await stack.submit(echo('first'), key);
    expect(replayed.headers.get('idempotency-replayed')).toBe('true');
    expect(await replayed.json()).toMatchObject({ state: 'succeeded' });
    const cancelled = await stack.call(`/v1/jobs/${job.id}`, { method: 'DELETE' });
    expect([cancelled.status, (await problemOf(cancelled)).code]).toEqual([409, 'job-finished']);
    expect(await outboxOf(stack)).toEqual(items);
  });

  it('is rejected again under the same id when it is sent again', async () => {
    const [item] = items as [OutboxItem, OutboxItem];
    expect((await stack.call(`/v1/outbox/${item.jobId}/retry`, { method: 'POST' })).status).toBe(404);
    expect((await stack.call(`/v1/outbox/${item.id}/retry`, { method: 'POST' })).status).toBe(202);
    const again = await until('it to be rejected again', async () => {
      const [first] = await outboxOf(stack);
      return first?.state === 'rejected' && first.tries > item.tries && first;
    });
    expect(again.id).toBe(item.id);
  });

  it('is gone for good when its tenant removes it', async () => {
    const [item, other] = items as [OutboxItem, OutboxItem];
    const removed = await stack.call(`/v1/outbox/${item.id}`, { method: 'DELETE' });
    expect([removed.status, await removed.json()]).toMatchObject([200, { id: item.id, state: 'rejected' }]);
    expect((await stack.call(`/v1/outbox/${item.id}`, { method: 'DELETE' })).status).toBe(404);
    expect(JSON.parse(await printed(stack, ['outbox', 'remove', other.id, '--json']))).toMatchObject({
      id: other.id,
    });
    expect(await outboxOf(stack)).toEqual([]);
    expect(await statusOf(stack)).toMatchObject({ pending: 0, rejected: 0, bytes: 0 });
    expect(await json<Job>(stack.call(`/v1/jobs/${item.jobId}`))).toMatchObject({ state: 'succeeded' });
  });
});

describe('a rejected job that is the only one with its id', () => {
  const TOO_LARGE = echo('x'.repeat(100_000));
  let stack: TestStack;

  async function reject(options: Readonly<Record<string, string>> = {}): Promise<OutboxItem> {
    stack = await startTestStack({
      natsConfig: 'max_payload: 60000',
      edge: { ACK_MODE: 'outbox', ...options },
    });
    const job = await json<Job>(stack.submit(TOO_LARGE));
    const [item] = await untilStates(stack, ['rejected']);
    expect(item?.jobId).toBe(job.id);
    return item as OutboxItem;
  }

  it('is shown with its reason, and ends as cancelled when it is removed', async () => {
    const item = await reject();
    const url = `/v1/jobs/${item.jobId}`;
    expect(await json<Job>(stack.call(url))).toMatchObject({ error: { code: 'broker-rejected' } });
    expect((await stack.call(`/v1/outbox/${item.id}`, { method: 'DELETE' })).status).toBe(200);
    expect(await outboxOf(stack)).toEqual([]);
    await until('its end to be recorded', async () => (await statusOf(stack))?.bytes === 0);
    expect(await json<Job>(stack.call(url))).toMatchObject({ state: 'cancelled', durability: 'stream' });
  });

  it('ends as cancelled when it expires', async () => {
    const item = await reject({ OUTBOX_REJECTED_MS: '2000' });
    await until('it to expire', async () => (await statusOf(stack))?.bytes === 0);
    expect(await json<Job>(stack.call(`/v1/jobs/${item.jobId}`))).toMatchObject({ state: 'cancelled' });
    await stack.logged(({ msg }) => msg === 'rejected jobs have expired');
  });
});

describe('E15: a tenant that fills its share of the outbox', () => {
  it('is refused, although its jobs are only rejected ones; another tenant is not', async () => {
    const keys = [createApiKey('demo'), createApiKey('beta')];
    const entries = await Promise.all(
      ['demo', 'beta'].map(async (tenant, place) => ({
        id: tenant,
        tenant,
        hash: await hashApiKey(keys[place] ?? ''),
      })),
    );
    const stack = await startTestStack({
      edge: {
        API_KEYS: JSON.stringify(entries),
        OUTBOX_MAX_ROWS: '40',
        OUTBOX_TENANT_PERCENT: '50',
      },
    });
    const [alpha, beta] = keys.map((key) => ({ authorization: `Bearer ${key}` }));
    const used = Array.from({ length: 20 }, (_, n) => ({ ...alpha, 'idempotency-key': `key-${n}` }));
    for (const headers of used) await stack.submit(echo('first'), headers);
    await stack.nats.kill('SIGKILL');
    for (const headers of used) expect((await stack.submit(echo('other'), headers)).status).toBe(202);
    await stack.nats.restart();
    await until('all to be rejected', async () => (await statusOf(stack))?.rejected === used.length);
    await stack.nats.kill('SIGKILL');
    const refused = await stack.submit(echo(1), alpha);
    expect([refused.status, (await problemOf(refused)).code]).toEqual([429, 'outbox-share-full']);
    expect(refused.headers.get('retry-after')).toBe('5');
    expect((await stack.submit(echo(1), beta)).status).toBe(202);
  });
});
