import { Cron } from 'croner';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  MAX_COUNTED,
  MAX_MISSED,
  missedRuns,
  nextRun,
  ON_TIME_MS,
  parseTiming,
} from '../../../edge/schedules/timing.ts';
import { CATCH_UP } from '../../../shared/api/schedule-words.ts';

afterEach(() => void vi.restoreAllMocks());

const DAY = 86_400_000;
const FROM = Date.parse('2026-06-01T00:00:00Z');
const hourly = parseTiming({ cron: '0 * * * *' }, FROM);

describe('the runs that are due after the edge was away for a day', () => {
  const now = FROM + DAY + 10 * 60_000;
  const all = Array.from({ length: 24 }, (_, i) => FROM + (i + 1) * 3_600_000);

  it('are none with "none"', () => {
    expect(missedRuns(hourly, FROM, now, 'none')).toEqual({ runs: [], dropped: 24, lastDropped: all.at(-1) });
  });

  it('are the newest with "last"', () => {
    expect(missedRuns(hourly, FROM, now, 'last')).toEqual({
      runs: all.slice(-1),
      dropped: 23,
      lastDropped: all.at(-2),
    });
  });

  it('are each one, oldest first, with "all"', () => {
    expect(missedRuns(hourly, FROM, now, 'all')).toEqual({ runs: all, dropped: 0 });
  });

  it('are those after the last run only', () => {
    expect(missedRuns(hourly, all[21] ?? 0, now, 'all').runs).toEqual(all.slice(22));
    expect(missedRuns(hourly, all[23] ?? 0, now, 'all')).toEqual({ runs: [], dropped: 0 });
  });
});

describe('a run that starts a little late', () => {
  const due = FROM + 3_600_000;

  it.each(CATCH_UP)('is on time with "%s"', (catchUp) => {
    expect(missedRuns(hourly, FROM, due, catchUp).runs).toEqual([due]);
    expect(missedRuns(hourly, FROM, due + ON_TIME_MS, catchUp)).toEqual({ runs: [due], dropped: 0 });
  });

  it('was missed when it is later than that', () => {
    expect(missedRuns(hourly, FROM, due + ON_TIME_MS + 1, 'none')).toMatchObject({
      dropped: 1,
      lastDropped: due,
    });
    expect(missedRuns(hourly, FROM, due + ON_TIME_MS + 1, 'last').runs).toEqual([due]);
  });

  it('is made beside the newest, so that a busy moment costs no run', () => {
    const often = parseTiming({ every: '10s' }, FROM);
    const runs = [FROM + DAY - 30_000, FROM + DAY - 20_000, FROM + DAY - 10_000, FROM + DAY];
    expect(missedRuns(often, FROM + DAY - 35_000, FROM + DAY, 'last').runs).toEqual(runs);
    expect(missedRuns(often, FROM + DAY - 35_000, FROM + DAY, 'none').runs).toEqual(runs);
  });
});

describe('an outage of years', () => {
  const minutes = ['Europe/Berlin', 'UTC'].map((timeZone) =>
    parseTiming({ cron: '* * * * *', timeZone }, FROM),
  );
  const now = FROM + 5_000 * DAY;

  it.each([...minutes, parseTiming({ every: '1s' }, FROM)])(
    'makes a day of every minute at most',
    (timing) => {
      const { runs, dropped } = missedRuns(timing, FROM, now, 'all');
      expect(runs).toHaveLength(MAX_MISSED);
      expect(runs.at(-1)).toBe(now);
      expect(nextRun(timing, runs.at(-2) ?? 0)).toBe(now);
      expect(dropped).toBe(MAX_COUNTED);
    },
  );

  it.each(['none', 'last'] as const)('is counted up to a bound with "%s"', (catchUp) => {
    for (const timing of minutes) {
      expect(missedRuns(timing, FROM, now + 40_000, catchUp).dropped).toBe(MAX_COUNTED);
    }
  });
});

describe('the first of many missed runs', () => {
  it.each([
    ['a day', DAY - 1],
    ['years', 5_000 * DAY],
  ])('are the oldest of those that are made, after %s', (_, away) => {
    for (const timing of [parseTiming({ cron: '* * * * *' }, FROM), parseTiming({ every: '1m' }, FROM)]) {
      const all = missedRuns(timing, FROM, FROM + away, 'all');
      expect(missedRuns(timing, FROM, FROM + away, 'all', 20)).toEqual({
        ...all,
        runs: all.runs.slice(0, 20),
      });
    }
  });

  it('are found without a look at the others, within a day', () => {
    const minutely = parseTiming({ cron: '* * * * *' }, FROM);
    const looks = vi.spyOn(Cron.prototype, 'nextRun');
    missedRuns(minutely, FROM, FROM + DAY - 1, 'all', 20);
    expect(looks.mock.calls.length).toBeLessThanOrEqual(21);
  });
});

describe('a schedule that has not begun', () => {
  it('has missed nothing', () => {
    const later = parseTiming({ every: '1h' }, FROM + DAY);
    expect(missedRuns(later, FROM, FROM + DAY, 'all')).toEqual({ runs: [], dropped: 0 });
    expect(missedRuns(later, FROM, FROM - DAY, 'all')).toEqual({ runs: [], dropped: 0 });
  });
});
