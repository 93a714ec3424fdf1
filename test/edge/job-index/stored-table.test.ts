/** What an index knows of the bytes that NATS stores of the jobs of each tenant. */
import type { Miniflare } from 'miniflare';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { dayOf } from '../../../edge/job-index/index-entry.ts';
import { entry, newTable, START, startTables } from './table-support.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
const START_DAY = dayOf(START);
/** Subject and headers of a dead letter. */
const ENVELOPE = 1_024;

let workerd: Miniflare;
beforeAll(async () => {
  workerd = await startTables();
});
afterAll(() => workerd?.dispose());

const PLACE = { source: 'stream', sequence: 7 };
/** The list keeps an ended job for 8 days. The clock of its worker is wrong. */
const failed = {
  state: 'failed',
  attempt: 1,
  finished_at: START + 1_000 * DAY_MS,
  bytes: 0,
  expires_on: START_DAY + 8,
} as const;

/** A table that follows events of given sizes, of jobs that have ended. */
function setup() {
  const own = newTable(workerd);
  const store = (events: readonly [tenant: string, storedMs: number, bytes: number][]) =>
    own.follow(
      [],
      PLACE,
      events.map(([tenant, storedMs, bytes]) => [tenant, dayOf(storedMs), bytes] as const),
    );
  const storedBytes = async (tenant = 'acme') => (await own.usage(tenant)).storedBytes;
  return { own, store, storedBytes };
}

it('adds up the events of each tenant, also after an eviction', async () => {
  const { own, store, storedBytes } = setup();
  expect(await storedBytes()).toBe(0);
  await store([
    ['acme', START, 100],
    ['acme', START, 50],
    ['globex', START, 7],
    ['acme', START + DAY_MS, 1],
  ]);
  await store([['acme', START, 1_000]]);
  await own.evict();
  expect([await storedBytes(), await storedBytes('globex')]).toEqual([1_151, 7]);
});

it('writes one row for each tenant and day of a batch', async () => {
  const { own, store, storedBytes } = setup();
  await storedBytes();
  await own.written();
  await store(Array.from({ length: 500 }, (_, n) => ['acme', START + n, n]));
  // The place in the stream too.
  expect(await own.written()).toBe(2);
});

it('forgets the days before the first stored event', async () => {
  const { own, store, storedBytes } = setup();
  await store([
    ['acme', START, 100],
    ['acme', START + DAY_MS, 10],
  ]);
  await own.forgetStored(START_DAY);
  expect(await storedBytes()).toBe(110);
  await own.forgetStored(START_DAY + 1);
  expect(await storedBytes()).toBe(10);
  await own.forgetStored(START_DAY + 2);
  expect(await storedBytes()).toBe(0);
});

it('counts a dead letter until it has expired, whenever the report of its bridge comes', async () => {
  for (const isReportedFirst of [true, false]) {
    const { own, storedBytes } = setup();
    const report = () => own.accept(entry({ bytes: 300 }));
    if (isReportedFirst) await report();
    await own.follow([entry(failed)]);
    if (!isReportedFirst) await report();
    await own.follow([entry(failed)]);
    expect(await storedBytes()).toBe(300 + ENVELOPE);
    // Events have expired for long, and the list has forgotten the job.
    await own.forgetStored(START_DAY + 23);
    await own.forget(10, START + 90_000 * DAY_MS);
    expect(await storedBytes()).toBe(300 + ENVELOPE);
    await own.forgetStored(START_DAY + 24);
    expect(await storedBytes()).toBe(0);
  }
});

it('counts a dead letter no more when it was redriven, and again when the job has failed again', async () => {
  const { own, storedBytes } = setup();
  await own.accept(entry({ bytes: 300 }));
  await own.follow([entry(failed)]);
  await own.follow([entry({ redrive_count: 1, state: 'queued' })]);
  expect(await storedBytes()).toBe(0);
  await own.follow([entry({ ...failed, redrive_count: 1, expires_on: START_DAY + 9 })]);
  expect(await storedBytes()).toBe(300 + ENVELOPE);
});

it('is never below 0, also if a dead letter is redriven that was there before it was counted', async () => {
  const { own, store, storedBytes } = setup();
  await own.accept(entry({ bytes: 300 }));
  await own.follow([entry(failed)]);
  await own.run('DELETE FROM stored');
  await own.follow([entry({ redrive_count: 1, state: 'queued' })]);
  expect(await storedBytes()).toBe(0);
  await store([['acme', START, 7]]);
  expect(await storedBytes()).toBe(7);
});

it('counts no dead letter of a job that has ended otherwise', async () => {
  const { own, storedBytes } = setup();
  await own.accept(entry({ bytes: 300 }), entry({ id: 'job-2', bytes: 300 }));
  await own.follow([
    entry({ ...failed, state: 'succeeded' }),
    entry({ ...failed, id: 'job-2', state: 'cancelled' }),
  ]);
  expect(await storedBytes()).toBe(0);
});
