import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StartTimes } from '../../../edge/job-index/start-times.ts';
import { openSql } from '../support/memory-sql.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;

describe('the times of jobs with a limit of rate', () => {
  it('never put more than the limit into any period, and are not later than needed', () => {
    const gaps = fc.array(fc.nat(500), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(
        gaps,
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 2_000 }),
        (asked, limit, periodMs) => {
          const times = new StartTimes(openSql());
          let now = 0;
          const given: number[] = [];
          for (const gap of asked) {
            now += gap;
            const elder = given[given.length - limit];
            given.push(times.next('key', { limit, periodMs }, now) ?? Number.NaN);
            expect(given.at(-1)).toBe(elder === undefined ? now : Math.max(now, elder + periodMs));
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('are those of one key', () => {
    const times = new StartTimes(openSql());
    const limit = { limit: 1, periodMs: 1_000 };
    expect(['a', 'b', 'a'].map((key) => times.next(key, limit, 0))).toEqual([0, 0, 1_000]);
  });

  it('are not given beyond the longest delay, and such a job takes no time from others', () => {
    const times = new StartTimes(openSql());
    const limit = { limit: 1, periodMs: DAY_MS };
    const given = Array.from({ length: 33 }, () => times.next('a', limit, 0));
    expect(given.slice(0, 31)).toEqual(Array.from({ length: 31 }, (_, n) => n * DAY_MS));
    expect(given.slice(31)).toEqual([undefined, undefined]);
    expect(times.next('a', limit, DAY_MS)).toBe(31 * DAY_MS);
  });

  it('keep fewer than twice as many rows as the limit, and none after their period', () => {
    const sql = openSql();
    const times = new StartTimes(sql);
    const rows = (): unknown => [...sql.exec('SELECT count(*) AS n FROM start_times')];
    for (let n = 0; n < 50; n++) times.next('a', { limit: 3, periodMs: 1_000 }, 0);
    expect(rows()).toEqual([{ n: 5 }]);
    times.next('b', { limit: 3, periodMs: 1_000 }, 100_000);
    expect(rows()).toEqual([{ n: 1 }]);
  });
});
