import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KnownKeys } from '../../../../edge/bridge/keys/known-keys.ts';
import { openSql } from '../../support/memory-sql.ts';

const DAY_MS = 86_400_000;
const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
const yes = async (): Promise<boolean> => true;
const no = async (): Promise<boolean> => false;

function open(sql = openSql(), askSince: () => Promise<number | undefined> = async () => 0) {
  const remembered = new Set<string>();
  const isRemembered = async ({ jobId }: { jobId: string }): Promise<boolean> => remembered.has(jobId);
  return { sql, remembered, keys: new KnownKeys({ sql, log, askSince, isRemembered }) };
}

const keyed = (jobId: string) => ({ tenant: 'acme', jobId });

/** Whether no job with this id was submitted, as far as the table can tell. */
const isUnused = (keys: KnownKeys, jobId: string): boolean =>
  keys.isComplete && keys.idOf(jobId) === undefined;

/** The table of an object that had jobs before it had this table. */
function older(askSince?: () => Promise<number | undefined>) {
  const sql = openSql();
  sql.exec('CREATE TABLE outbox (position INTEGER)');
  return open(sql, askSince);
}

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-01-01T00:00:00Z'), toFake: ['Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('an idempotency key', () => {
  it('is new in a bridge that knows all keys, until it is used', async () => {
    const { keys } = open();
    await keys.settle(true, 4_000);
    expect(isUnused(keys, 'a')).toBe(true);
    keys.add(keyed('a'), undefined);
    keys.add(keyed('a'), undefined);
    expect([isUnused(keys, 'a'), isUnused(keys, 'b')]).toEqual([false, true]);
  });

  it('is still known after a restart of the bridge', async () => {
    const { sql, keys } = open();
    keys.add(keyed('a'), undefined);
    const { keys: restarted } = open(sql);
    await restarted.settle(true, 4_000);
    expect([isUnused(restarted, 'a'), isUnused(restarted, 'b')]).toEqual([false, true]);
  });

  it('may be an old one while nobody can tell since when the number of shards is the same', async () => {
    const { keys } = open(openSql(), async () => undefined);
    await keys.settle(true, 4_000);
    expect(isUnused(keys, 'a')).toBe(false);
  });

  it('may be an old one while the first bridge does not answer; that bridge is asked again later', async () => {
    const askSince = vi.fn(async (): Promise<number> => 0).mockRejectedValueOnce(new Error('reset'));
    const { keys } = open(openSql(), askSince);
    await keys.settle(true, 4_000);
    await keys.settle(true, 4_000);
    expect([isUnused(keys, 'a'), askSince.mock.calls.length]).toEqual([false, 1]);
    vi.setSystemTime(Date.now() + 30_001);
    await keys.settle(true, 4_000);
    expect([isUnused(keys, 'a'), askSince.mock.calls.length]).toEqual([true, 2]);
  });

  it('may be an old one for 14 days after the number of shards has changed', async () => {
    const { keys } = open(openSql(), async () => Date.parse('2026-01-01T00:00:00Z'));
    await keys.settle(true, 4_000);
    expect(isUnused(keys, 'a')).toBe(false);
    vi.setSystemTime(Date.now() + 14 * DAY_MS);
    expect(isUnused(keys, 'a')).toBe(true);
  });

  it('may be an old one for 14 days in an object that had jobs before it had the table', async () => {
    const { keys } = older();
    await keys.settle(true, 4_000);
    expect(isUnused(keys, 'a')).toBe(false);
    vi.setSystemTime(Date.now() + 14 * DAY_MS);
    expect(isUnused(keys, 'a')).toBe(true);
  });

  it('is known for 14 days, counted from the time when a delayed job is due', async () => {
    const { keys } = open();
    await keys.settle(true, 4_000);
    keys.add(keyed('now'), undefined);
    keys.add(keyed('later'), '2026-01-11T00:00:00Z');
    vi.setSystemTime(Date.now() + 15 * DAY_MS);
    keys.add(keyed('next'), undefined);
    await vi.waitFor(() => expect(isUnused(keys, 'now')).toBe(true));
    expect(isUnused(keys, 'later')).toBe(false);
  });

  it('is known for as long as NATS has anything of its job', async () => {
    const { keys, remembered } = open();
    await keys.settle(true, 4_000);
    for (const key of ['a', 'b', 'c', 'd', 'e']) keys.add(keyed(key), undefined);
    for (const key of ['a', 'b', 'c', 'd']) remembered.add(key);
    const next = (n: number): void => keys.add(keyed(`next-${n}`), undefined);
    vi.setSystemTime(Date.now() + 15 * DAY_MS);
    next(1);
    await vi.waitFor(() => {
      next(2);
      expect(isUnused(keys, 'e')).toBe(true);
    });
    expect(['a', 'b', 'c', 'd'].map((key) => isUnused(keys, key))).toEqual([false, false, false, false]);
    remembered.clear();
    vi.setSystemTime(Date.now() + 15 * DAY_MS);
    await vi.waitFor(() => {
      next(3);
      expect(isUnused(keys, 'd')).toBe(true);
    });
  });

  it('that is used again while NATS is asked about its earlier job stays known', async () => {
    const answer = Promise.withResolvers<boolean>();
    const isRemembered = vi.fn(() => answer.promise);
    const keys = new KnownKeys({ sql: openSql(), log, askSince: async () => 0, isRemembered });
    await keys.settle(true, 4_000);
    keys.add(keyed('a'), undefined);
    vi.setSystemTime(Date.now() + 15 * DAY_MS);
    keys.add(keyed('next'), undefined);
    expect(isRemembered).toHaveBeenCalledWith(keyed('a'));
    keys.add(keyed('a'), undefined);
    answer.resolve(false);
    await answer.promise;
    await Promise.resolve();
    expect(isUnused(keys, 'a')).toBe(false);
  });

  it('that cannot be stored makes the other keys ones that may be old', async () => {
    const sql = openSql();
    let isFull = false;
    const exec: typeof sql.exec = (query, ...bindings) => {
      if (isFull && query.startsWith('INSERT')) throw new Error('SQLITE_FULL');
      return sql.exec(query, ...bindings);
    };
    const { keys } = open({ exec });
    await keys.settle(true, 4_000);
    isFull = true;
    keys.add(keyed('a'), undefined);
    expect([isUnused(keys, 'a'), isUnused(keys, 'b')]).toEqual([false, false]);
    const { keys: restarted } = open(sql);
    await restarted.settle(true, 4_000);
    expect([isUnused(restarted, 'a'), isUnused(restarted, 'b')]).toEqual([false, false]);
  });

  it('is refused if nothing can be stored, because nobody would know it after a restart', () => {
    const sql = openSql();
    let isFull = false;
    const exec: typeof sql.exec = (query, ...bindings) => {
      if (isFull && !query.startsWith('SELECT')) throw new Error('SQLITE_FULL');
      return sql.exec(query, ...bindings);
    };
    const { keys } = open({ exec });
    isFull = true;
    expect(() => keys.add(keyed('a'), undefined)).toThrow(expect.objectContaining({ code: 'outbox-full' }));
  });

  it.each([13, 15])(
    'that makes another job after %i days is known for 14 days from then on',
    async (days) => {
      const { keys } = open();
      await keys.settle(true, 4_000);
      keys.add(keyed('a'), undefined);
      vi.setSystemTime(Date.now() + days * DAY_MS);
      keys.add(keyed('a'), undefined);
      vi.setSystemTime(Date.now() + 13 * DAY_MS);
      keys.add(keyed('next'), undefined);
      expect(isUnused(keys, 'a')).toBe(false);
    },
  );

  it('may be an old one if the first bridge does not answer in time', async () => {
    vi.useFakeTimers({ now: Date.now(), toFake: ['Date', 'setTimeout', 'clearTimeout'] });
    const { keys } = open(openSql(), () => new Promise(() => undefined));
    const settled = keys.settle(true, 4_000);
    await vi.advanceTimersByTimeAsync(5_000);
    await settled;
    expect(isUnused(keys, 'a')).toBe(false);
  });
});

describe('the first bridge', () => {
  it('says that the number of shards was always the same if NATS had no job when it was first asked', async () => {
    const { keys } = open();
    expect(await keys.shardsSince(2, yes)).toBe(0);
    expect(await keys.shardsSince(2, no)).toBe(0);
  });

  it.each([
    ['NATS had jobs', open, no],
    ['it had jobs before it had the table', older, yes],
  ] as const)('says "since now" if %s', async (_, make, isFirst) => {
    const { keys } = make();
    expect(await keys.shardsSince(2, isFirst)).toBe(Date.now());
  });

  it('says since when the number has changed, and again when it changes back', async () => {
    const { keys } = open();
    await keys.shardsSince(1, yes);
    vi.setSystemTime(Date.now() + DAY_MS);
    const changed = Date.now();
    expect(await keys.shardsSince(2, yes)).toBe(changed);
    vi.setSystemTime(Date.now() + DAY_MS);
    expect(await keys.shardsSince(2, yes)).toBe(changed);
    expect(await keys.shardsSince(1, yes)).toBe(changed + DAY_MS);
  });

  it('takes its own keys, too, for old ones once another bridge has another number', async () => {
    const { keys } = open(openSql(), async () => await keys.shardsSince(1, yes));
    await keys.settle(true, 4_000);
    expect(isUnused(keys, 'a')).toBe(true);
    await keys.shardsSince(2, yes);
    expect(isUnused(keys, 'a')).toBe(false);
  });
});
