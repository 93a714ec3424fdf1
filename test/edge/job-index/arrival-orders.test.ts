/** The bridge's report of a job and the job's events come to the index in any order. The entry is the same in the end. */
import type { Miniflare } from 'miniflare';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IndexEntry } from '../../../edge/job-index/index-entry.ts';
import { entry, newTable, START, startTables } from './table-support.ts';

let workerd: Miniflare;
beforeAll(async () => {
  workerd = await startTables();
});
afterAll(() => workerd?.dispose());

type Arrival =
  | { readonly from: 'bridge'; readonly entry: IndexEntry }
  | { readonly from: 'stream'; readonly entries: readonly IndexEntry[] };

const BYTES = 70;
const TAGS = 'night,team:blue';
const report = (more: Partial<IndexEntry> = {}) => entry({ bytes: BYTES, tags: TAGS, unserved: 1, ...more });

const started = entry({ state: 'running', attempt: 1, started_at: START + 2 });
const retrying = entry({ ...started, state: 'retrying' });
const succeeded = entry({ ...started, state: 'succeeded', attempt: 2, finished_at: START + 3 });
const failed = entry({ ...started, state: 'failed', finished_at: START + 3, error_code: 'operation-failed' });
const redriven = entry({ state: 'queued', redrive_count: 1, trace_id: 'b', previous_trace_ids: 'a' });
/** It waits for a limit of its operation. */
const released = entry({ state: 'queued', attempt: 1 });
const cancelled = entry({ state: 'cancelled', finished_at: START + 3, error_code: 'job-cancelled' });

const EVENTS = {
  'is retried': [started, retrying, started, succeeded],
  'waits for a limit, fails, and is redriven': [released, started, failed, redriven],
  'is cancelled': [cancelled],
};
const REPORTS = {
  'a job': [report()],
  'a job that was reported twice': [report(), report()],
  'a delayed job': [report({ due_at: START + 1 })],
  'a job from the outbox': [report({ durability: 'outbox' }), report()],
  'a job from the outbox that NATS had already': [report({ durability: 'outbox' })],
};

/** All orders of two lists, each of which keeps its own order. */
function orders<T>(one: readonly T[], other: readonly T[]): T[][] {
  const [first, ...rest] = one;
  const [second, ...others] = other;
  if (first === undefined || second === undefined) return [[...one, ...other]];
  const before = orders(rest, other).map((order) => [first, ...order]);
  return [...before, ...orders(one, others).map((order) => [second, ...order])];
}

/** The arrivals with the events that follow each other in one batch. */
function inBatches(arrivals: readonly Arrival[]): Arrival[] {
  const batches: Arrival[] = [];
  for (const arrival of arrivals) {
    const last = batches.at(-1);
    if (arrival.from === 'stream' && last?.from === 'stream')
      batches[batches.length - 1] = { from: 'stream', entries: [...last.entries, ...arrival.entries] };
    else batches.push(arrival);
  }
  return batches;
}

/** All orders of arrival, with one event in a batch, and with several. */
function arrivals(reports: readonly IndexEntry[], events: readonly IndexEntry[]): Arrival[][] {
  const fromBridge = reports.map((own): Arrival => ({ from: 'bridge', entry: own }));
  const fromStream = events.map((own): Arrival => ({ from: 'stream', entries: [own] }));
  return orders(fromBridge, fromStream).flatMap((order) => [order, inBatches(order)]);
}

/** What a new table shows of the jobs, and counts of them, after these arrivals. */
async function outcome(order: readonly Arrival[]) {
  const own = newTable(workerd);
  for (const arrival of order) {
    if (arrival.from === 'bridge') await own.accept(arrival.entry);
    else await own.follow([...arrival.entries]);
  }
  return { jobs: (await own.page()).jobs, usage: await own.usage() };
}

const trail = (order: readonly Arrival[]) =>
  order.map((arrival) =>
    arrival.from === 'bridge' ? 'report' : arrival.entries.map(({ state }) => state).join('+'),
  );

/** What holds after these reports and events, whatever their order. */
function expected(reports: readonly IndexEntry[], events: readonly IndexEntry[]) {
  const event = events.at(-1);
  const last = event ?? reports.at(-1) ?? report();
  const open = last.finished_at === null ? 1 : 0;
  const delayed = event === undefined && last.due_at !== null ? 1 : 0;
  return {
    state: last.state,
    attempt: last.attempt,
    durability: last.durability,
    served: event === undefined ? false : undefined,
    dueAt: delayed === 1 ? new Date(last.due_at ?? 0).toISOString() : undefined,
    error: last.error_code ?? undefined,
    traceId: last.trace_id,
    tags: TAGS.split(','),
    usage: {
      jobs: open,
      bytes: open * BYTES,
      delayedJobs: delayed,
      delayedBytes: delayed * BYTES,
      // A dead letter: about a KiB, and the input.
      storedBytes: last.state === 'failed' ? 1_024 + BYTES : 0,
    },
  };
}

const CASES = Object.entries(REPORTS).flatMap(([job, reports]) =>
  Object.entries(EVENTS).map(([what, events]) => ({ name: `${job} that ${what}`, reports, events })),
);

describe('the entry and the usage after a report and events do not depend on their order', () => {
  it.each(CASES)('$name', async ({ reports, events }) => {
    const prefixes = Array.from({ length: events.length + 1 }, (_, n) => events.slice(0, n));
    const tried = prefixes.flatMap((some) =>
      arrivals(reports, some).map(async (order) => {
        const { jobs, usage } = await outcome(order);
        const [{ state, attempt, durability, served, dueAt, error, traceId, tags } = {}] = jobs;
        const shown = { state, attempt, durability, served, dueAt, error: error?.code, traceId, tags, usage };
        expect.soft(shown, trail(order).join(', ')).toEqual(expected(reports, some));
      }),
    );
    await Promise.all(tried);
  });
});

describe('a job that no bridge reported', () => {
  it('has the tags of any of its events, and takes no bytes', async () => {
    const tagged = (event: IndexEntry): IndexEntry => ({ ...event, tags: TAGS });
    for (const order of arrivals([], [tagged(started), retrying, started])) {
      const { jobs, usage } = await outcome(order);
      expect.soft(jobs, trail(order).join(', ')).toMatchObject([{ state: 'running', tags: TAGS.split(',') }]);
      expect.soft(usage, trail(order).join(', ')).toMatchObject({ jobs: 1, bytes: 0 });
    }
  });
});

describe('the entry of an id that two jobs had', () => {
  const later = (job: IndexEntry): IndexEntry => ({ ...job, accepted_at: START + 5 });

  it('has nothing of the earlier job, in any order', async () => {
    const reports = [report({ tags: 'early' }), later(report({ tags: '', bytes: 5 }))];
    for (const order of arrivals(reports, [succeeded, later(started)])) {
      const { jobs, usage } = await outcome(order);
      expect.soft(jobs, trail(order).join(', ')).toMatchObject([{ state: 'running' }]);
      expect.soft(jobs[0], trail(order).join(', ')).not.toHaveProperty('tags');
      expect.soft(usage, trail(order).join(', ')).toMatchObject({ jobs: 1, bytes: 5 });
    }
  });

  it('is that of the job in the stream while the other one is in the outbox, in any order', async () => {
    const waiting = later(report({ durability: 'outbox' }));
    for (const order of arrivals([waiting], [started, succeeded])) {
      const { jobs, usage } = await outcome(order);
      expect
        .soft(jobs, trail(order).join(', '))
        .toMatchObject([{ state: 'succeeded', durability: 'stream' }]);
      expect.soft(usage, trail(order).join(', ')).toMatchObject({ jobs: 0, bytes: 0 });
    }
  });

  it('is that of the job in the stream also after the object was evicted', async () => {
    const own = newTable(workerd);
    await own.accept(report());
    await own.accept(later(report({ durability: 'outbox' })));
    await own.accept(report({ id: 'job-2' }));
    await own.evict();
    const { jobs } = await own.page();
    expect(jobs.find(({ id }) => id === 'job-1')).toMatchObject({
      durability: 'stream',
      acceptedAt: new Date(START).toISOString(),
    });
  });
});
