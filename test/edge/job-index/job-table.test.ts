/** The table of the index, in workerd's own SQLite. */
import type { Miniflare } from 'miniflare';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCursor } from '../../../edge/calls/cursors.ts';
import type { PageQuery } from '../../../edge/calls/index-commands.ts';
import type { IndexChange, IndexEntry } from '../../../edge/job-index/index-entry.ts';
import type { Usage } from '../../../shared/api/usage.ts';
import { entry, newTable, START, startTables } from './table-support.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
/**
 * The most rows that a page may read, as SQLite counts them: seven for each of its jobs and for the next job, which tells
 * whether there is another page, and four for each kind of jobs. A kind is an operation and one of the six states. Two more operations stand for the
 * ends of their list.
 */
const mostRows = (limit: number, operations: number): number => 7 * (limit + 1) + 4 * 6 * (operations + 2);

let workerd: Miniflare;
beforeAll(async () => {
  workerd = await startTables();
});
afterAll(() => workerd?.dispose());
const table = () => newTable(workerd);

const running = entry({ state: 'running', attempt: 1, started_at: START + 1 });
const succeeded = entry({ ...running, state: 'succeeded', finished_at: START + 2 });

/** Reads all pages: the ids, and how many rows each page read. */
async function allPages(own: ReturnType<typeof table>, query: Partial<PageQuery>) {
  const ids: string[] = [];
  const rowsRead: number[] = [];
  let cursor: string | undefined;
  do {
    const page = await own.page({ ...query, after: readCursor(cursor ?? '') });
    ids.push(...page.jobs.map(({ id }) => id));
    rowsRead.push(page.rowsRead);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return { ids, rowsRead };
}

describe('the entry of a job', () => {
  const states = async (own: ReturnType<typeof table>) =>
    (await own.page()).jobs.map(({ state, acceptedAt }) => `${state} ${Date.parse(acceptedAt) - START}`);

  it('is not replaced by its acceptance when that comes late', async () => {
    const own = table();
    await own.follow([running]);
    await own.accept(entry());
    expect(await states(own)).toEqual(['running 0']);
  });

  it('moves from the outbox to the stream', async () => {
    const own = table();
    await own.accept(entry({ durability: 'outbox' }));
    await own.accept(entry());
    expect((await own.page()).jobs).toMatchObject([{ durability: 'stream' }]);
  });

  it('stays ended until it is redriven, and starts again then', async () => {
    const own = table();
    await own.follow([running, succeeded]);
    await own.follow([running]);
    expect(await states(own)).toEqual(['succeeded 0']);
    await own.follow([entry({ redrive_count: 1 })]);
    expect(await states(own)).toEqual(['queued 0']);
    await own.follow([succeeded]);
    expect(await states(own)).toEqual(['queued 0']);
  });

  it('follows the same rules within one batch', async () => {
    const own = table();
    const later = entry({ ...running, redrive_count: 1 });
    await own.follow([running, later, succeeded]);
    expect(await states(own)).toEqual(['running 0']);
  });

  it('has the code of an event that cannot be read, until the job has another event', async () => {
    const unreadable = { tenant: 'acme', id: 'job-1', isUnreadable: true } as const;
    const codes = async (...batches: IndexChange[][]) => {
      const own = table();
      for (const batch of batches) await own.follow(batch);
      return (await own.page()).jobs.map(({ state, error }) => `${state} ${error?.code}`);
    };
    const failed = entry({ ...succeeded, state: 'failed', error_code: 'operation-failed' });
    expect(await codes([unreadable])).toEqual([]);
    for (const together of [true, false]) {
      const batches = (...changes: IndexChange[]) =>
        together ? [changes] : changes.map((change) => [change]);
      expect(await codes(...batches(running, unreadable))).toEqual(['running record-unreadable']);
      expect(await codes(...batches(running, unreadable, succeeded))).toEqual(['succeeded undefined']);
      expect(await codes(...batches(succeeded, unreadable))).toEqual(['succeeded undefined']);
      expect(await codes(...batches(unreadable, failed))).toEqual(['failed operation-failed']);
    }
  });

  it('belongs to the job that was accepted last with its id', async () => {
    const own = table();
    await own.follow([entry({ ...succeeded, redrive_count: 2 })]);
    await own.accept(entry({ accepted_at: START + 5 }));
    await own.follow([entry({ ...succeeded, redrive_count: 2 })]);
    expect(await states(own)).toEqual(['queued 5']);
    await own.follow([entry({ ...running, accepted_at: START + 5 })]);
    expect(await states(own)).toEqual(['running 5']);
  });

  it('is separate from that of another tenant with the same id', async () => {
    const own = table();
    await own.follow([running, entry({ tenant: 'globex', state: 'queued' })]);
    expect(await states(own)).toEqual(['running 0']);
    expect((await own.page({ tenant: 'globex' })).jobs).toHaveLength(1);
    expect((await own.page({ tenant: 'nobody' })).jobs).toEqual([]);
  });

  it('is written together with the place in the stream', async () => {
    const own = table();
    await own.follow([running], { source: 'a', sequence: 41 });
    expect(await own.place()).toEqual({ source: 'a', sequence: 41 });
    const broken = { ...succeeded, operation: null as unknown as string };
    await expect(
      own.follow([entry({ id: 'job-2' }), broken], { source: 'a', sequence: 43 }),
    ).rejects.toThrow();
    expect(await own.place()).toEqual({ source: 'a', sequence: 41 });
    expect(await states(own)).toEqual(['running 0']);
  });
});

describe('a page', () => {
  const FILTERS = [
    {},
    { states: ['succeeded'] },
    { operation: 'echo' },
    { operation: 'echo', states: ['succeeded'] },
  ] as const satisfies Partial<PageQuery>[];

  /** Every other job is one that each filter takes; as many as in a batch share a millisecond. */
  const many = (count: number): IndexEntry[] =>
    Array.from({ length: count }, (_, n) =>
      entry({
        id: `job-${n}`,
        accepted_at: START + Math.floor(n / 100),
        ...(n % 2 === 0 ? { state: 'succeeded' } : { operation: 'other' }),
      }),
    );

  it('is found in an index, in its order', async () => {
    const plan = await table().plan();
    expect(plan.filter((step) => /SCAN jobs|ORDER BY/.test(step))).toEqual([]);
    const steps = plan.filter((step) => step.includes('by_operation_and_state (tenant=? AND operation=?'));
    expect(steps).toEqual([
      expect.stringContaining('state=? AND accepted_at=? AND id<?)'),
      expect.stringContaining('state=? AND accepted_at<?)'),
    ]);
  });

  it.each(FILTERS)(
    'with %j reads only its own rows, at any depth and however many jobs there are',
    async (filter) => {
      const own = table();
      const counts: number[][] = [];
      for (const entries of [many(100), many(3_000)]) {
        await own.follow(entries);
        const first = await own.page({ limit: 10, ...filter });
        const deep = await own.page({
          ...filter,
          limit: 10,
          after: { acceptedAt: START, id: 'job-50' },
        });
        expect([first.jobs.length, deep.jobs.length]).toEqual([10, 10]);
        counts.push([first.rowsRead, deep.rowsRead]);
      }
      expect(counts[1]).toEqual(counts[0]);
      expect(Math.max(...counts.flat())).toBeLessThanOrEqual(mostRows(10, 2));
    },
  );

  it.each(FILTERS)('with %j and those behind it give each job once, newest first', async (filter) => {
    const own = table();
    const entries = many(95);
    await own.follow(entries);
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await own.page({ limit: 7, ...filter, after: readCursor(cursor ?? '') });
      ids.push(...page.jobs.map(({ id }) => id));
      cursor = page.cursor;
    } while (cursor !== undefined);
    const { operation, states }: Partial<PageQuery> = filter;
    const wanted = entries.filter(
      (job) => job.operation === (operation ?? job.operation) && (states ?? [job.state]).includes(job.state),
    );
    const order = wanted.toSorted((a, b) => b.accepted_at - a.accepted_at || (a.id < b.id ? 1 : -1));
    expect(ids).toEqual(order.map(({ id }) => id));
  });
});

describe('a page of several states', () => {
  it('and those behind it give each job once, newest first, and read their own rows only', async () => {
    const own = table();
    const states = ['queued', 'running', 'succeeded', 'retrying'] as const;
    const entries = Array.from({ length: 60 }, (_, n) =>
      entry({
        id: `job-${n}`,
        accepted_at: START + Math.floor(n / 10),
        state: states[n % states.length] ?? 'queued',
      }),
    );
    await own.follow(entries);
    const query = { states: ['queued', 'running', 'retrying'], limit: 7 } as const;
    const { ids, rowsRead } = await allPages(own, query);
    const wanted = entries.filter(({ state }) => state !== 'succeeded');
    const order = wanted.toSorted((a, b) => b.accepted_at - a.accepted_at || (a.id < b.id ? 1 : -1));
    expect(ids).toEqual(order.map(({ id }) => id));
    expect(Math.max(...rowsRead)).toBeLessThanOrEqual(mostRows(query.limit, 1));
  });
});

describe('the jobs with a tag', () => {
  const tagged = (count: number, tags: (n: number) => string): IndexEntry[] =>
    Array.from({ length: count }, (_, n) =>
      entry({ id: `job-${n}`, accepted_at: START + Math.floor(n / 10), tags: tags(n) }),
    );

  it('are listed newest first, each once, with all the tags, the operation and the states', async () => {
    const own = table();
    const entries = tagged(60, (n) => ['night', 'night,blue', 'blue,red,night', 'red'][n % 4] ?? '');
    await own.accept(...entries);
    await own.follow([
      entry({ ...succeeded, id: 'job-1' }),
      entry({ ...running, id: 'job-2', operation: 'other' }),
    ]);
    const ids = async (query: Partial<PageQuery>) =>
      (await allPages(own, { limit: 7, ...query })).ids.map((id) => Number(id.slice(4)));
    const blue = Array.from({ length: 60 }, (_, n) => 59 - n).filter((n) => n % 4 === 1 || n % 4 === 2);
    expect((await ids({ tags: ['blue'] })).toSorted((a, b) => b - a)).toEqual(blue);
    expect(await ids({ tags: ['night', 'red'] })).toHaveLength(15);
    expect(await ids({ tags: ['night', 'green'] })).toEqual([]);
    expect(await ids({ tags: ['blue'], states: ['succeeded'] })).toEqual([1]);
    expect(await ids({ tags: ['blue'], operation: 'other' })).toEqual([2]);
    expect(await ids({ tags: ['blue'], tenant: 'globex' })).toEqual([]);
  });

  it('are found however many other jobs there are, and a page looks at a bounded number of them', async () => {
    const own = table();
    await own.accept(...tagged(5_000, (n) => (n === 7 ? 'common,rare' : n % 2 === 0 ? 'common' : 'other')));
    expect((await own.page({ tags: ['rare'] })).rowsRead).toBeLessThan(6);
    const { ids, rowsRead } = await allPages(own, { tags: ['common', 'rare'], limit: 7 });
    expect(ids).toEqual(['job-7']);
    expect(rowsRead).toHaveLength(2);
    expect(Math.max(...rowsRead)).toBeLessThan(4_100);
  });

  it('are those of the job that has the id now, and none when it is deleted', async () => {
    const own = table();
    const ids = async (tag: string) => (await own.page({ tags: [tag] })).jobs.map(({ id }) => id);
    await own.follow([running]);
    await own.follow([entry({ ...succeeded, tags: 'early' })]);
    expect(await ids('early')).toEqual(['job-1']);
    await own.accept(entry({ accepted_at: START + 5, tags: 'late', expires_on: 1 }));
    await own.flush();
    expect([await ids('early'), await ids('late')]).toEqual([[], ['job-1']]);
    await own.forget(10, START + 10 * DAY_MS);
    expect(await ids('late')).toEqual([]);
  });
});

describe('expired jobs', () => {
  it('are deleted a few at a time, and others are kept', async () => {
    const own = table();
    const old = Array.from({ length: 5 }, (_, n) => entry({ id: `old-${n}`, expires_on: 100 }));
    const others = [
      entry({ id: 'new', expires_on: 101 }),
      entry({ tenant: 'globex', id: 'a', expires_on: 101 }),
      entry({ tenant: 'globex', id: 'b', expires_on: 100 }),
    ];
    await own.follow([...old, ...others]);
    const now = 101 * DAY_MS;
    const left = async () =>
      [...(await own.page()).jobs, ...(await own.page({ tenant: 'globex' })).jobs].map(({ id }) => id);
    const looks: [boolean, number][] = [];
    for (let look = 0; look < 3; look++) looks.push([await own.forget(3, now), (await left()).length]);
    expect(looks).toEqual([
      [true, 6],
      [true, 3],
      [false, 2],
    ]);
    expect(await left()).toEqual(['new', 'a']);
    expect(await own.forget(100, now + DAY_MS)).toBe(false);
    expect(await left()).toEqual([]);
  });

  it('are looked at without those before them', async () => {
    const own = table();
    await own.follow(Array.from({ length: 50 }, (_, n) => entry({ id: `job-${n + 10}` })));
    for (let look = 0; look < 5; look++) await own.forget(10, START);
    await own.read();
    await own.forget(10, START);
    expect(await own.read()).toBeLessThanOrEqual(2 * 11);
  });
});

describe('the usage of a tenant', () => {
  const usage = (jobs: number, bytes: number, delayedJobs = 0, delayedBytes = 0): Usage => ({
    jobs,
    bytes,
    delayedJobs,
    delayedBytes,
    storedBytes: 0,
  });

  it('grows with each accepted job, and shrinks when the job ends', async () => {
    const { accept, follow, usage: read } = table();
    expect(await read()).toEqual(usage(0, 0));
    await accept(entry({ id: 'a', bytes: 10 }), entry({ id: 'b', bytes: 5 }), entry({ tenant: 'globex' }));
    expect(await read()).toEqual(usage(2, 15));
    await follow([entry({ id: 'a', state: 'running', attempt: 1, started_at: START })]);
    expect(await read()).toEqual(usage(2, 15));
    await follow([entry({ id: 'a', state: 'succeeded', attempt: 1, finished_at: START + 1 })]);
    expect(await read()).toEqual(usage(1, 5));
    expect(await read('globex')).toEqual(usage(1, 0));
  });

  it('counts a job once, however often it is reported, and whichever report comes first', async () => {
    const { accept, follow, usage: read } = table();
    const ended = entry({ state: 'succeeded', attempt: 1, finished_at: START + 1 });
    await accept(entry({ bytes: 10, durability: 'outbox' }));
    await accept(entry({ bytes: 10 }), entry({ bytes: 10 }));
    expect(await read()).toEqual(usage(1, 10));
    await follow([ended, ended]);
    expect(await read()).toEqual(usage(0, 0));
    await accept(entry({ bytes: 10 }));
    expect(await read()).toEqual(usage(0, 0));
  });

  it('does not count a job that its bridge still counts: one whose first event came before its report', async () => {
    const { accept, follow, usage: read } = table();
    const fresh = { accepted_at: Date.now() };
    const started = entry({ ...fresh, state: 'running', attempt: 1, started_at: START });
    await follow([
      started,
      entry({ ...started, id: 'raw' }),
      entry({ ...fresh, id: 'redriven', redrive_count: 1 }),
    ]);
    expect(await read()).toEqual(usage(1, 0));
    await accept(entry({ ...fresh, bytes: 10 }));
    expect(await read()).toEqual(usage(2, 10));
    // The job of a raw producer has no report.
    expect(await read('acme', 10_000)).toEqual(usage(3, 10));
    await follow([entry({ ...started, id: 'raw', state: 'succeeded', finished_at: START + 1 })]);
    expect(await read()).toEqual(usage(2, 10));
  });

  it('counts delayed jobs apart until they start', async () => {
    const { accept, follow, usage: read } = table();
    await accept(entry({ due_at: START + DAY_MS, bytes: 7 }));
    expect(await read()).toEqual(usage(1, 7, 1, 7));
    await follow([entry({ state: 'running', attempt: 1, started_at: START + DAY_MS })]);
    expect(await read()).toEqual(usage(1, 7));
  });

  it('forgets jobs that NATS has lost, of one tenant, and knows one again after an event', async () => {
    const { accept, follow, lose, page, evict, usage: read } = table();
    const listed = async () => (await page()).jobs.map(({ id }) => id);
    await accept(entry({ bytes: 7 }), entry({ id: 'other', bytes: 5 }), entry({ tenant: 'globex' }));
    expect(await listed()).toHaveLength(2);
    await lose('acme', ['job-1', 'never-seen']);
    for (const next of [() => undefined, evict]) {
      await next();
      expect(await listed()).toEqual(['other']);
      expect([await read(), await read('globex')]).toEqual([usage(1, 5), usage(1, 0)]);
    }
    await follow([entry({ state: 'running', attempt: 1, started_at: START })]);
    expect(await read()).toEqual(usage(2, 5));
  });

  it('does not forget a job whose end it has seen meanwhile', async () => {
    const { follow, lose, page } = table();
    await follow([entry({ state: 'succeeded', attempt: 1, finished_at: START + 1 })]);
    await lose('acme', ['job-1']);
    expect((await page()).jobs).toMatchObject([{ id: 'job-1', state: 'succeeded' }]);
  });

  it('forgets jobs with their rows', async () => {
    const { accept, flush, forget, usage: read } = table();
    await accept(entry({ bytes: 7, expires_on: 1 }));
    await flush();
    await forget(10, START + 10 * DAY_MS);
    expect(await read()).toEqual(usage(0, 0));
  });
});

it('a job keeps the tags with which it was accepted', async () => {
  const { accept, follow, page } = table();
  await accept(entry({ tags: 'night,team:blue' }));
  await follow([entry({ state: 'succeeded', attempt: 1, finished_at: START + 1 })]);
  expect((await page()).jobs[0]).toMatchObject({ state: 'succeeded', tags: ['night', 'team:blue'] });
});
