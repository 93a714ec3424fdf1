/** How many rows the index writes for a job, as Cloudflare counts them, and what an eviction leaves. */
import type { Miniflare } from 'miniflare';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IndexEntry } from '../../../edge/job-index/index-entry.ts';
import { entry, newTable, START, startTables } from './table-support.ts';

const JOBS = 100;
/** All jobs have expired by then. */
const LONG_AFTER = START + 90_000 * 24 * 60 * 60 * 1_000;
/** Rows of a whole batch: its place in the stream, its report, and the usage of its tenant. */
const OF_BATCH = 3;

let workerd: Miniflare;
beforeAll(async () => {
  workerd = await startTables();
});
afterAll(() => workerd?.dispose());
const table = () => newTable(workerd);

const jobs = (more: Partial<IndexEntry> = {}): IndexEntry[] =>
  Array.from({ length: JOBS }, (_, n) =>
    entry({ id: `job-${n}`, accepted_at: START + n, bytes: 10, ...more }),
  );
const running = { state: 'running', attempt: 1, started_at: START, bytes: 0 } as const;
const succeeded = { ...running, state: 'succeeded', finished_at: START + 1 } as const;

describe('the rows that are written for a job', () => {
  it('are two if it ends before it is written, and one when it is deleted', async () => {
    const own = table();
    await own.page();
    await own.written();
    await own.accept(...jobs());
    await own.follow([...jobs(running), ...jobs(succeeded)]);
    expect(await own.written()).toBeLessThanOrEqual(2 * JOBS + OF_BATCH);
    expect((await own.page()).jobs).toHaveLength(JOBS);
    await own.forget(1_000, LONG_AFTER);
    expect((await own.page()).jobs).toEqual([]);
    expect(await own.written()).toBeLessThanOrEqual(JOBS + OF_BATCH);
  });

  it('are two more for each state in which a list or an event shows it', async () => {
    const own = table();
    await own.page();
    await own.written();
    await own.accept(...jobs());
    await own.page();
    expect(await own.written()).toBeLessThanOrEqual(2 * JOBS + OF_BATCH);
    await own.follow(jobs(running));
    expect(await own.written()).toBeLessThanOrEqual(2 * JOBS + OF_BATCH);
    await own.follow(jobs(succeeded));
    expect(await own.written()).toBeLessThanOrEqual(2 * JOBS + OF_BATCH);
  });

  it('are none for what is known', async () => {
    const own = table();
    await own.follow(jobs(succeeded));
    await own.accept(...jobs());
    await own.written();
    await own.follow(jobs(succeeded));
    await own.accept(...jobs());
    expect(await own.written()).toBeLessThanOrEqual(OF_BATCH);
  });

  it('are one for each report, whose row is used again when its jobs are in the table', async () => {
    const own = table();
    await own.page();
    await own.written();
    for (const job of jobs()) await own.accept(job);
    expect(await own.written()).toBe(JOBS);
    await own.follow(jobs(succeeded));
    for (const job of jobs()) await own.accept({ ...job, id: `more-${job.id}` });
    const slots = await own.run<{ n: number }>('SELECT count(*) AS n FROM reports');
    expect(slots).toEqual([{ n: JOBS }]);
  });
});

describe('a job that is held until it is written', () => {
  const shown = async (own: ReturnType<typeof table>) =>
    (await own.page({ limit: 10 })).jobs.map(({ id, state }) => `${id} ${state}`);

  it('is in the list and in the usage after an eviction, once', async () => {
    const own = table();
    await own.accept(entry({ id: 'a', bytes: 10 }), entry({ id: 'b', bytes: 5 }));
    await own.accept(entry({ id: 'c', durability: 'outbox', bytes: 1 }));
    await own.accept(entry({ id: 'c', bytes: 1 }));
    await own.follow([entry({ id: 'a', ...succeeded })]);
    await own.evict();
    const usage = { jobs: 2, bytes: 6, delayedJobs: 0, delayedBytes: 0, storedBytes: 0 };
    expect(await own.usage()).toEqual(usage);
    expect(await shown(own)).toEqual(['c queued', 'b queued', 'a succeeded']);
    expect((await own.page()).jobs[0]).toMatchObject({ durability: 'stream' });
    await own.evict();
    expect(await own.usage()).toEqual(usage);
    expect(await shown(own)).toEqual(['c queued', 'b queued', 'a succeeded']);
  });

  it('does not take the row of a report of which another job is held', async () => {
    const own = table();
    await own.accept(entry({ id: 'a' }), entry({ id: 'b' }));
    await own.follow([entry({ id: 'a', ...succeeded })]);
    await own.accept(entry({ id: 'c' }));
    await own.evict();
    expect(await shown(own)).toEqual(['c queued', 'b queued', 'a succeeded']);
  });

  it('has the code of its event that cannot be read', async () => {
    const own = table();
    await own.accept(entry());
    await own.follow([{ tenant: 'acme', id: 'job-1', isUnreadable: true }]);
    expect((await own.page()).jobs).toMatchObject([{ error: { code: 'record-unreadable' } }]);
  });

  it('is held still if a batch of events fails', async () => {
    const own = table();
    await own.accept(entry({ id: 'a' }));
    const broken = entry({ id: 'b', operation: null as unknown as string });
    await expect(own.follow([entry({ id: 'a', ...succeeded }), broken])).rejects.toThrow();
    await own.accept(entry({ id: 'c' }));
    await own.evict();
    expect(await shown(own)).toEqual(['c queued', 'a queued']);
  });

  it('does not come back when it is not listed any more', async () => {
    const own = table();
    await own.accept(...jobs());
    await own.follow(jobs(succeeded));
    await own.forget(1_000, LONG_AFTER);
    await own.evict();
    expect(await shown(own)).toEqual([]);
    expect(await own.usage()).toMatchObject({ jobs: 0 });
  });

  it('is one of a bounded number', async () => {
    const own = table();
    for (let report = 0; report < 25; report++)
      await own.accept(...jobs().map((job) => ({ ...job, id: `${report}-${job.id}` })));
    const [written] = await own.run<{ n: number }>('SELECT count(*) AS n FROM jobs');
    expect(written?.n).toBeGreaterThanOrEqual(2_000);
  });
});
