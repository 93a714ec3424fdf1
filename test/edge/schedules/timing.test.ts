import { describe, expect, it } from 'vitest';
import { nextRun, parseTiming, type Timing } from '../../../edge/schedules/timing.ts';
import type { ThroughlineError } from '../../../shared/errors.ts';

const FROM = Date.parse('2026-01-01T00:00:00Z');

function cron(expression: string, timeZone?: string): Timing {
  return parseTiming({ cron: expression, timeZone }, FROM);
}

/** The next runs after a time, as text without seconds. */
function runs(timing: Timing, after: string, count: number): string[] {
  const found: string[] = [];
  for (let at = nextRun(timing, Date.parse(after)); found.length < count; at = nextRun(timing, at)) {
    if (at === undefined) break;
    found.push(new Date(at).toISOString().replace(':00.000Z', 'Z'));
  }
  return found;
}

describe('a run on the day when the clock goes forward', () => {
  it.each([
    ['Europe/Berlin', '30 2 * * *', '2026-03-28T12:00Z', ['2026-03-29T01:00Z', '2026-03-30T00:30Z']],
    ['America/New_York', '30 2 * * *', '2026-03-07T12:00Z', ['2026-03-08T07:00Z', '2026-03-09T06:30Z']],
    ['Australia/Lord_Howe', '15 2 * * *', '2026-10-03T12:00Z', ['2026-10-03T15:30Z', '2026-10-04T15:15Z']],
  ])(
    'happens when the clock has jumped, if its hour is skipped: %s %s',
    (zone, expression, after, expected) => {
      expect(runs(cron(expression, zone), after, 2)).toEqual(expected);
    },
  );

  it('happens at each of several fixed hours', () => {
    const expected = ['2026-03-29T01:00Z', '2026-03-29T12:30Z', '2026-03-30T00:30Z'];
    expect(runs(cron('30 2,14 * * *', 'Europe/Berlin'), '2026-03-28T20:00Z', 3)).toEqual(expected);
  });

  it('keeps its distance in time, if it comes every so many minutes', () => {
    const expected = ['2026-03-29T00:40Z', '2026-03-29T01:00Z', '2026-03-29T01:20Z'];
    expect(runs(cron('*/20 * * * *', 'Europe/Berlin'), '2026-03-29T00:20Z', 3)).toEqual(expected);
  });
});

describe('a run on the day when the clock goes back', () => {
  it.each([
    ['Europe/Berlin', '30 2 * * *', '2026-10-24T12:00Z', ['2026-10-25T00:30Z', '2026-10-26T01:30Z']],
    ['America/New_York', '30 1 * * *', '2026-10-31T12:00Z', ['2026-11-01T05:30Z', '2026-11-02T06:30Z']],
    ['Australia/Lord_Howe', '45 1 * * *', '2026-04-04T10:00Z', ['2026-04-04T14:45Z', '2026-04-05T15:15Z']],
  ])('happens once, the first time its hour comes: %s %s', (zone, expression, after, expected) => {
    expect(runs(cron(expression, zone), after, 2)).toEqual(expected);
  });

  it.each([
    ['Europe/Berlin', '*/30 * * * *', '2026-10-25T00:00Z', 30],
    ['Australia/Lord_Howe', '*/15 * * * *', '2026-04-04T14:00Z', 15],
  ])(
    'keeps its distance in time, if it comes every so many minutes: %s %s',
    (zone, expression, after, minutes) => {
      const times = runs(cron(expression, zone), after, 8).map((time) => Date.parse(time));
      expect(times).toEqual(times.map((_, i) => Date.parse(after) + (i + 1) * minutes * 60_000));
    },
  );
});

describe('a run on a day that not every month or year has', () => {
  it('happens on leap days only, if the date is 29 February', () => {
    const leapDays = ['2028-02-29T12:00Z', '2032-02-29T12:00Z', '2036-02-29T12:00Z'];
    expect(runs(cron('0 12 29 2 *'), '2026-01-01T00:00Z', 3)).toEqual(leapDays);
    expect(runs(cron('0 12 29 2 *'), '2096-03-01T00:00Z', 1)).toEqual(['2104-02-29T12:00Z']);
  });

  it('leaves out the months without a 31st', () => {
    const months = runs(cron('0 0 31 * *'), '2026-01-01T00:00Z', 7).map((time) => time.slice(5, 7));
    expect(months).toEqual(['01', '03', '05', '07', '08', '10', '12']);
  });

  it('happens on the last day of each month, if the day is L', () => {
    const days = runs(cron('0 0 L * *'), '2028-01-31T12:00Z', 3);
    expect(days).toEqual(['2028-02-29T00:00Z', '2028-03-31T00:00Z', '2028-04-30T00:00Z']);
  });

  it('happens on the days that L, W and # name', () => {
    const after = '2026-10-31T12:00Z';
    const days = ['0 0 15W * *', '0 0 LW * *', '0 0 * * FRI#2', '0 0 * * FRI#L'].map((one) =>
      runs(cron(one), after, 1),
    );
    expect(days.flat().map((time) => time.slice(0, 10))).toEqual([
      '2026-11-16',
      '2026-11-30',
      '2026-11-13',
      '2026-11-27',
    ]);
  });

  it('happens on either, if both the day of the month and the day of the week are given', () => {
    const days = runs(cron('0 0 13 * FRI'), '2026-11-01T00:00Z', 4).map((time) => time.slice(5, 10));
    expect(days).toEqual(['11-06', '11-13', '11-20', '11-27']);
    expect(runs(cron('0 0 13 * FRI'), '2026-12-12T00:00Z', 1)).toEqual(['2026-12-13T00:00Z']);
  });
});

describe('a run every so often', () => {
  const timing = parseTiming({ every: '90s' }, Date.parse('2026-01-01T00:00:10.250Z'));

  it('is aligned on the time of creation, and the first comes one such time after it', () => {
    const first = Date.parse('2026-01-01T00:01:40.250Z');
    expect(nextRun(timing, FROM)).toBe(first);
    expect(nextRun(timing, first - 1)).toBe(first);
    expect(nextRun(timing, first)).toBe(first + 90_000);
    expect(nextRun(timing, first + 1_000 * 90_000 + 1)).toBe(first + 1_001 * 90_000);
  });
});

it('the fields of a cron expression may be apart by blanks and tabs, as in a crontab', () => {
  const apart = parseTiming({ cron: ' 0\t6  * \t* MON-FRI\t' }, FROM);
  expect(nextRun(apart, FROM)).toBe(nextRun(parseTiming({ cron: '0 6 * * MON-FRI' }, FROM), FROM));
});

describe('a timing that cannot be', () => {
  it.each<[string, { cron?: string; timeZone?: string }, RegExp]>([
    ['/cron', { cron: '0 0 31 2 *' }, /never runs.*Give a day/],
    ['/cron', { cron: '0 0 30 2 *' }, /never runs/],
    ['/cron', { cron: '0 0 31 4,6,9,11 *' }, /never runs/],
    ['/cron', { cron: '0 0 * * * *' }, /five fields.*such as "0 6/],
    ['/cron', { cron: '0 6 * *' }, /five fields/],
    ['/cron', { cron: '@daily' }, /five fields/],
    ['/cron', { cron: '0\t6\t*\t*' }, /five fields.*not 4/],
    ['/cron', { cron: '0 6 * * *\n' }, /the day of week is "\*\\n"/],
    ['/cron', { cron: '? 6 * * *' }, /the minute is "\?", but it takes numbers from 0 to 59/],
    ['/cron', { cron: '0 6 29 2 +MON' }, /the day of week is "\+MON"/],
    ['/cron', { cron: '60 * * * *' }, /the minute is "60", but it takes numbers from 0 to 59/],
    ['/cron', { cron: '-1 0 * * *' }, /the minute is "-1"/],
    ['/cron', { cron: '0 24 * * *' }, /the hour is "24", but it takes numbers from 0 to 23/],
    ['/cron', { cron: '0 0 0 * *' }, /the day of month is "0", but it takes numbers from 1 to 31, L/],
    ['/cron', { cron: '0 0 1 13 *' }, /the month is "13", but it takes numbers from 1 to 12 and JAN to DEC/],
    ['/cron', { cron: '30 2 * * FOO' }, /the day of week is "FOO", but it takes numbers from 0 to 7 .*FRI#2/],
    ['/cron', { cron: '*/0 * * * *' }, /the minute is "\*\/0"/],
    ['/cron', { cron: '0 0 * * FRI-MON' }, /the day of week is "FRI-MON".*ranges from low to high/],
    [
      '/timeZone',
      { cron: '0 6 * * *', timeZone: 'Europe/Atlantis' },
      /not a known time zone\. Give an IANA name/,
    ],
    ['/timeZone', { cron: '0 6 * * *', timeZone: '+02:00' }, /not a known time zone/],
    ['/timeZone', { cron: '0 6 * * *', timeZone: 'Europe/Berlin\n' }, /not a known time zone/],
  ])('is refused at %s: %j', (path, body, words) => {
    let refused: Partial<ThroughlineError> = {};
    try {
      parseTiming(body, FROM);
    } catch (thrown) {
      refused = thrown as ThroughlineError;
    }
    expect(refused).toMatchObject({ code: 'request-invalid', violations: [{ path }] });
    expect(refused.violations?.[0]?.message).toMatch(words);
    expect(refused.message).toMatch(new RegExp(`^${path}: `));
  });
});
