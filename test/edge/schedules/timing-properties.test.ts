import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { missedRuns, nextRun, parseTiming, type Timing } from '../../../edge/schedules/timing.ts';
import { type WallTime, wallClock } from './wall-clock.ts';

const MINUTE = 60_000;
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/St_Johns',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Africa/Casablanca',
  'Pacific/Chatham',
];

/** One field of an expression: its text, and the values that it stands for. */
interface Field {
  readonly text: string;
  readonly values: ReadonlySet<number>;
  /** Whether it has no wildcard and no step. */
  readonly fixed: boolean;
}

function field(least: number, most: number, steps: boolean): fc.Arbitrary<Field> {
  const all = Array.from({ length: most - least + 1 }, (_, i) => least + i);
  const star = fc.constant({ text: '*', values: new Set(all), fixed: false });
  const list = fc
    .uniqueArray(fc.integer({ min: least, max: most }), { minLength: 1, maxLength: 3 })
    .map((values) => ({ text: values.join(','), values: new Set(values), fixed: true }));
  const step = fc.integer({ min: 2, max: most }).map((n) => {
    return {
      text: `*/${n}`,
      values: new Set(all.filter((value) => (value - least) % n === 0)),
      fixed: false,
    };
  });
  return steps ? fc.oneof(star, list, step) : fc.oneof(star, list);
}

const expressions = fc.record({
  minute: field(0, 59, true),
  hour: field(0, 23, true),
  day: field(1, 31, false),
  month: field(1, 12, false),
  weekday: field(0, 6, false),
});
type Expression = typeof expressions extends fc.Arbitrary<infer T> ? T : never;

/** Every month has at least one of its days, so each of these runs at least once a year. */
const running = expressions.filter(({ day }) => Math.min(...day.values) <= 28);

/** Times of about five years, to the millisecond. */
const times = fc.integer({ min: Date.parse('2024-01-01T00:00Z'), max: Date.parse('2029-01-01T00:00Z') });
const cases = fc.record({ expression: running, zone: fc.constantFrom(...ZONES), after: times });

function timingOf({ minute, hour, day, month, weekday }: Expression, timeZone: string): Timing {
  const cron = [minute, hour, day, month, weekday].map(({ text }) => text).join(' ');
  return parseTiming({ cron, timeZone }, 0);
}

/** Cron's rule for days: if both fields are given, one of them is enough. */
function matches({ minute, hour, day, month, weekday }: Expression, wall: WallTime): boolean {
  const onDay = day.values.has(wall.day);
  const onWeekday = weekday.values.has(wall.weekday);
  const onDate = day.fixed && weekday.fixed ? onDay || onWeekday : onDay && onWeekday;
  return (
    minute.values.has(wall.minute) && hour.values.has(wall.hour) && month.values.has(wall.month) && onDate
  );
}

function minuteOfDay({ hour, minute }: WallTime): number {
  return hour * 60 + minute;
}

describe('the runs of any expression in any zone', () => {
  it('come one after the other, at whole minutes that the fields name', () => {
    fc.assert(
      fc.property(cases, ({ expression, zone, after }) => {
        const timing = timingOf(expression, zone);
        const clock = wallClock(zone);
        let at = after;
        for (let i = 0; i < 10; i++) {
          const run = nextRun(timing, at) ?? Number.NaN;
          expect(run).toBeGreaterThan(at);
          expect(run % MINUTE).toBe(0);
          const fixed = expression.minute.fixed && expression.hour.fixed;
          const jumped = minuteOfDay(clock(run)) !== (minuteOfDay(clock(run - MINUTE)) + 1) % 1_440;
          if (!(fixed && jumped)) expect(matches(expression, clock(run))).toBe(true);
          at = run;
        }
      }),
      { numRuns: 200 },
    );
  });

  it('leave out no minute that the fields name, unless it comes a second time that day', () => {
    fc.assert(
      fc.property(cases, ({ expression, zone, after }) => {
        const clock = wallClock(zone);
        const next = nextRun(timingOf(expression, zone), after) ?? Number.NaN;
        const until = Math.min(next, after + 2 * 1_440 * MINUTE);
        for (let at = (Math.floor(after / MINUTE) + 1) * MINUTE; at < until; at += MINUTE) {
          if (!matches(expression, clock(at))) continue;
          const again = [30, 60].some((m) => minuteOfDay(clock(at - m * MINUTE)) === minuteOfDay(clock(at)));
          expect(again && expression.minute.fixed && expression.hour.fixed).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('are the same whether they are looked for forwards or backwards', () => {
    const spans = fc.integer({ min: 0, max: 90 * 1_440 * MINUTE });
    fc.assert(
      fc.property(cases, spans, ({ expression, zone, after }, span) => {
        const timing = timingOf(expression, zone);
        const forwards: number[] = [];
        for (
          let at = nextRun(timing, after);
          at !== undefined && at <= after + span;
          at = nextRun(timing, at)
        ) {
          if (forwards.push(at) === 500) break;
        }
        const until = forwards.length === 500 ? (forwards.at(-1) ?? 0) : after + span;
        expect(missedRuns(timing, after, until, 'all')).toEqual({ runs: forwards, dropped: 0 });
      }),
      { numRuns: 60 },
    );
  });
});
