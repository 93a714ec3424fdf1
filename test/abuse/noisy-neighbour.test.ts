import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { describe, expect, it } from 'vitest';
import { UsageReport } from '../../shared/api/usage.ts';
import { Job } from '../../shared/job/job.ts';
import { readJobEvent } from '../../shared/wire/event-message.ts';
import { resultsOf } from '../support/http/answers.ts';
import { connectTo } from '../support/jobs.ts';
import { until } from '../support/poll.ts';
import { withTestStack } from '../support/stack.ts';
import { type Caller, tenants } from '../support/tenants.ts';

const OPERATIONS = 'test/fixtures/operations';
const nap = (ms: number) => ({ operation: 'test.mode', input: { mode: 'nap', ms, effects: '/dev/null' } });

async function batch(caller: Caller, url: string, jobs: readonly unknown[]): Promise<number[]> {
  const response = await caller.call(url, '/v1/jobs/batch', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jobs }),
  });
  return (await resultsOf(response)).map(({ status }) => status);
}

async function usageOf(caller: Caller, url: string): Promise<UsageReport> {
  return UsageReport.parse(await (await caller.call(url, '/v1/usage')).json());
}

describe('a tenant that fills the queue', () => {
  it.each([300, 1_000])(
    'Q1: does not make the jobs of another tenant wait behind its own of %i ms',
    async (ms) => {
      const { callers, API_KEYS } = await tenants('alpha', 'beta');
      const stack = await withTestStack({
        edge: { API_KEYS },
        worker: { WORKER_CONCURRENCY: '8' },
        operationsFolder: OPERATIONS,
        tracing: false,
      });
      const jobs = Array.from({ length: 100 }, () => nap(ms));
      for (let round = 0; round < 5; round++)
        expect(new Set(await batch(callers.alpha, stack.url, jobs))).toEqual(new Set([202]));
      await until('alpha to be busy', async () => (await usageOf(callers.alpha, stack.url)).used.jobs > 300);
      for (let n = 0; n < 5; n++) {
        const response = await callers.beta.submit(stack.url, nap(1), { prefer: 'wait=20' });
        expect(Job.parse(await response.json()).state).toBe('succeeded');
      }
      // Beta's jobs have all run, and most of alpha's, which came before them, still wait.
      expect((await usageOf(callers.alpha, stack.url)).used.jobs).toBeGreaterThan(200);
    },
    60_000,
  );
});

describe('many tenants that fill the queue', () => {
  it('Q2: do not make the jobs of others wait for more than a few of theirs', async () => {
    const names = Array.from({ length: 50 }, (_, n) => `t${n}`);
    const { callers, API_KEYS } = await tenants(...names);
    const noisy = names.slice(0, 10);
    const quiet = names.slice(10);
    const stack = await withTestStack({
      edge: { API_KEYS },
      worker: { WORKER_CONCURRENCY: '8' },
      operationsFolder: OPERATIONS,
      tracing: false,
    });
    const callerOf = (name: string): Caller => callers[name] as Caller;
    const jobs = Array.from({ length: 100 }, () => nap(100));
    for (const name of noisy)
      expect(new Set(await batch(callerOf(name), stack.url, jobs))).toEqual(new Set([202]));
    const accepted = await Promise.all(quiet.map((name) => callerOf(name).submit(stack.url, nap(1))));
    expect(new Set(accepted.map(({ status }) => status))).toEqual(new Set([202]));
    const ids = await Promise.all(accepted.map(async (response) => Job.parse(await response.json()).id));
    const nats = await connectTo(stack);
    const { last_seq: before } = (await (await jetstreamManager(nats)).streams.info('EVENTS')).state;
    const starts = await until('all of them to start', async () => {
      const started = (await startsOf(nats)).filter(({ sequence }) => sequence > before);
      const last = started.findLastIndex(({ jobId }) => ids.includes(jobId));
      const all = new Set((await startsOf(nats)).map(({ jobId }) => jobId));
      return ids.every((id) => all.has(id)) && started.slice(0, last + 1);
    });
    // The queue has 1,000 jobs of the others. Four of six lanes have jobs of quiet tenants, and an eighth of the slots is theirs.
    expect(starts.length).toBeLessThan(ids.length + 250);
  });
});

/** The starts of all jobs, in the order of the stream. */
async function startsOf(nats: NatsConnection): Promise<{ jobId: string; sequence: number }[]> {
  const consumer = await jetstream(nats).consumers.get('EVENTS', { filter_subjects: 'events.>' });
  const { num_pending: left } = await consumer.info();
  const starts: { jobId: string; sequence: number }[] = [];
  const messages = await consumer.fetch({ max_messages: left, expires: 5_000 });
  for await (const message of messages) {
    const event = readJobEvent(message.data);
    if (event?.kind === 'started') starts.push({ jobId: event.jobId, sequence: message.seq });
  }
  return starts;
}

describe('a quota', () => {
  it('refuses what is above it by its name, for that tenant only, and has room again when jobs have ended', async () => {
    const { callers, API_KEYS } = await tenants('alpha', 'beta');
    const TENANT_QUOTAS = JSON.stringify({ alpha: { delayedBytes: 1_000, jobs: 50 } });
    const stack = await withTestStack({
      edge: { API_KEYS, TENANT_QUOTAS },
      operationsFolder: OPERATIONS,
      tracing: false,
    });
    const late = { operation: 'echo', input: 'x'.repeat(400), delay: '1h' };
    const first = Job.parse(await (await callers.alpha.submit(stack.url, late)).json());
    expect((await callers.alpha.submit(stack.url, late)).status).toBe(202);
    const refused = await callers.alpha.submit(stack.url, late);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, expect.any(String)]);
    expect(await refused.json()).toMatchObject({
      code: 'quota-exceeded',
      detail: expect.stringContaining('delayedBytes'),
    });
    expect((await callers.beta.submit(stack.url, late)).status).toBe(202);
    expect((await callers.alpha.submit(stack.url, { ...late, delay: undefined })).status).toBe(202);

    await callers.alpha.call(stack.url, `/v1/jobs/${first.id}`, { method: 'DELETE' });
    await until('room', async () => (await usageOf(callers.alpha, stack.url)).used.delayedJobs === 1);
    expect((await callers.alpha.submit(stack.url, late)).status).toBe(202);
    await until(
      'both to count',
      async () => (await usageOf(callers.alpha, stack.url)).used.delayedJobs === 2,
    );
    const { used, quotas } = await usageOf(callers.alpha, stack.url);
    expect(used).toMatchObject({ jobs: 2, delayedBytes: 2 * 402 });
    expect(quotas).toMatchObject({ delayedBytes: 1_000, jobs: 50, bytes: 1_073_741_824 });
  });
});
