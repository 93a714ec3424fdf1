import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { UsageBook } from '../../../edge/access/usage-book.ts';
import type { TenantJob, TenantUsage } from '../../../edge/calls/index-commands.ts';
import { AcceptedFeed } from '../../../edge/jobs/accepted-feed.ts';
import { createLogger } from '../../../edge/telemetry/log.ts';
import { NO_USAGE } from '../../../shared/api/usage.ts';
import { job } from '../http/app-support.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A feed whose index answers as `answer` says, and the calls that it got. */
function feed(answer: () => Promise<void> = async () => undefined, counted = 0) {
  const sent: string[][] = [];
  const warnings: unknown[] = [];
  const addAccepted = async (_name: string, jobs: readonly TenantJob[]): Promise<TenantUsage[]> => {
    sent.push(jobs.map(({ job: { id } }) => id));
    await answer();
    return [{ tenant: 'acme', usage: { ...NO_USAGE, jobs: counted } }];
  };
  const log = createLogger('warn', (line) => warnings.push(JSON.parse(line)));
  const usage = new UsageBook({ fairJobs: 4, count: async () => NO_USAGE });
  const own = new AcceptedFeed({ addAccepted, indexes: 1, nameOf: () => 'index-0' }, usage, log);
  const add = (...ids: string[]): void => {
    for (const id of ids) own.addAccepted('acme', job({ id }), 10);
  };
  return { add, sent, warnings, usage };
}

const ids = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, n) => `job-${from + n}`);

/** What a job takes. */
const ONE = { ...NO_USAGE, jobs: 1 };

it('sends a job immediately, and the jobs of the next 50 ms together', async () => {
  const { add, sent } = feed();
  add('a');
  expect(sent).toEqual([['a']]);
  add('b', 'c');
  await vi.advanceTimersByTimeAsync(49);
  expect(sent).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(sent).toEqual([['a'], ['b', 'c']]);
  await vi.advanceTimersByTimeAsync(50);
  add('d');
  expect(sent.at(-1)).toEqual(['d']);
});

it('waits for a whole batch, for at most 200 ms, while at least ten jobs come in 50 ms', async () => {
  const { add, sent } = feed();
  const sizesAfter = async (ms: number): Promise<number[]> => {
    await vi.advanceTimersByTimeAsync(ms);
    return sent.map(({ length }) => length);
  };
  add('first', ...ids(0, 10));
  expect(await sizesAfter(50)).toEqual([1, 10]);
  add(...ids(10, 50));
  expect(await sizesAfter(199)).toEqual([1, 10]);
  expect(await sizesAfter(1)).toEqual([1, 10, 40]);
  add(...ids(50, 130));
  expect(await sizesAfter(200)).toEqual([1, 10, 40, 80]);
  add(...ids(130, 220));
  expect(await sizesAfter(199)).toEqual([1, 10, 40, 80]);
  expect(await sizesAfter(1)).toEqual([1, 10, 40, 80, 90]);
  add(...ids(220, 229));
  expect(await sizesAfter(200)).toEqual([1, 10, 40, 80, 90, 9]);
  add('last');
  expect(await sizesAfter(50)).toEqual([1, 10, 40, 80, 90, 9, 1]);
});

it('sends at most 100 jobs at a time, and does not pause between full batches', async () => {
  const { add, sent } = feed();
  add(...ids(0, 251));
  await vi.advanceTimersByTimeAsync(50);
  expect(sent.map((batch) => batch.length)).toEqual([1, 100, 100, 50]);
  expect(sent.flat()).toEqual(ids(0, 251));
});

it('tries again, in order, and gives up without an error for the caller', async () => {
  const { add, sent, warnings } = feed(() => Promise.reject(new Error('the index was reset')));
  add('a');
  add('b');
  await vi.advanceTimersByTimeAsync(250 + 500 + 1_000);
  expect(sent).toEqual([['a'], ['a'], ['a'], ['a']]);
  expect(warnings).toMatchObject([{ jobs: 1, reason: 'the index was reset' }]);
  await vi.advanceTimersByTimeAsync(50);
  expect(sent.at(-1)).toEqual(['b']);
});

it('holds at most 5,000 jobs, and logs how many it left out', async () => {
  let isBack = false;
  const { add, sent, warnings } = feed(async () => {
    if (!isBack) throw new Error('away');
  });
  add(...ids(0, 6_000));
  await vi.advanceTimersByTimeAsync(1_750);
  isBack = true;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(warnings).toMatchObject([{ jobs: 1 + 999, reason: 'away' }]);
  // The first one was given up.
  expect(new Set(sent.flat()).size).toBe(5_001);
});

it('counts the jobs that the index has not counted yet, and then as the index does', async () => {
  const counts: boolean[] = [];
  const { add, usage } = feed(undefined, 3);
  for (const id of ['a', 'b', 'c', 'd', 'e']) {
    add(id);
    counts.push(usage.isBusy('acme', ONE));
  }
  expect(counts).toEqual([false, false, false, false, true]);
  await vi.advanceTimersByTimeAsync(100);
  expect(usage.isBusy('acme', ONE)).toBe(false);
  expect(usage.isBusy('globex', ONE)).toBe(false);
});

it('counts a job no longer that the index never got', async () => {
  const { add, usage } = feed(() => Promise.reject(new Error('away')));
  add('a', 'b', 'c', 'd', 'e');
  expect(usage.isBusy('acme', ONE)).toBe(true);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(usage.isBusy('acme', ONE)).toBe(false);
});

it('reports the jobs of an index at once, and counts each once, while another index fails', async () => {
  const listed: string[] = [];
  const addAccepted = async (name: string, jobs: readonly TenantJob[]): Promise<TenantUsage[]> => {
    if (name === 'of-globex') throw new Error('away');
    listed.push(...jobs.map(({ job: { id } }) => id));
    return [{ tenant: 'acme', usage: { ...NO_USAGE, jobs: listed.length } }];
  };
  const count = async (tenant: string) => ({ ...NO_USAGE, jobs: tenant === 'acme' ? listed.length : 0 });
  const usage = new UsageBook({ fairJobs: 4, count });
  const log = createLogger('error');
  const own = new AcceptedFeed({ addAccepted, indexes: 2, nameOf: (tenant) => `of-${tenant}` }, usage, log);
  for (const id of ids(0, 6_000)) own.addAccepted('globex', job({ id }), 10);
  for (const id of ids(0, 10)) own.addAccepted('acme', job({ id }), 10);
  await vi.advanceTimersByTimeAsync(50);
  expect(listed).toEqual(ids(0, 10));
  const quotas = { jobs: 12, bytes: 1_000, delayedJobs: 1, delayedBytes: 1, storedBytes: 100 };
  expect(await usage.check('acme', ONE, usage.enter('acme', ONE), quotas)).toEqual(expect.any(Number));
});

it('counts a job of the outbox once for its quotas when NATS has taken it', async () => {
  const listed = new Set<string>();
  const count = async () => ({ ...NO_USAGE, jobs: listed.size });
  const usage = new UsageBook({ fairJobs: 4, count });
  const addAccepted = async (_name: string, jobs: readonly TenantJob[]): Promise<TenantUsage[]> => {
    for (const { job: one } of jobs) listed.add(one.id);
    return [{ tenant: 'acme', usage: await count() }];
  };
  const log = createLogger('error');
  const own = new AcceptedFeed({ addAccepted, indexes: 1, nameOf: () => 'index-0' }, usage, log);
  for (const id of ids(0, 3)) own.addAccepted('acme', job({ id, durability: 'outbox' }), 1);
  await vi.advanceTimersByTimeAsync(100);
  const quotas = { jobs: 4, bytes: 1_000, delayedJobs: 1, delayedBytes: 1, storedBytes: 100 };
  for (const id of ids(0, 3)) {
    own.addPublished('acme', job({ id }), 1);
    expect(usage.isBusy('acme', ONE)).toBe(false);
  }
  expect(await usage.check('acme', ONE, usage.enter('acme', ONE), quotas)).toBe(4);
  usage.report('acme', undefined, ONE);
  await vi.advanceTimersByTimeAsync(100);
  // Old reports count no longer for the lane, so the jobs that leave the outbox do.
  await vi.advanceTimersByTimeAsync(6_000);
  for (const id of ids(0, 5)) own.addPublished('acme', job({ id }), 1);
  expect(usage.isBusy('acme', ONE)).toBe(true);
});
