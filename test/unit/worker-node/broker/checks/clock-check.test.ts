import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  ClockCheck,
  clockDifference,
  clockWarning,
} from '../../../../../worker-node/broker/checks/clock-check.ts';

const NOW = Date.parse('2026-01-01T00:00:00.000Z');
const MINUTE_MS = 60_000;

beforeEach(() => {
  vi.useFakeTimers({ now: NOW });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A NATS whose clock is off by `offMs`, and which takes `roundTripMs` to answer; half of that before it reads its clock. */
function broker(state: { offMs: number | undefined; roundTripMs?: number; fails?: boolean }) {
  const info = async () => {
    const half = (state.roundTripMs ?? 0) / 2;
    vi.setSystemTime(Date.now() + half);
    const time = state.offMs === undefined ? undefined : new Date(Date.now() + state.offMs).toISOString();
    vi.setSystemTime(Date.now() + half);
    if (state.fails) throw new Error('timeout');
    return { ts: time };
  };
  return { manager: { streams: { info } } } as never;
}

describe('the difference between the clocks', () => {
  it.each([
    [0, 0, 0],
    [-7_200_000, 0, 7_200_000],
    [7_200_000, 0, -7_200_000],
    // What the answer took may be all of the difference.
    [-4_000, 8_000, 0],
    [4_000, 8_000, 0],
    [-10_000, 8_000, 6_000],
    [10_000, 8_000, -6_000],
  ])(
    'to a NATS that is %i ms off, with an answer after %i ms, is %i ms',
    async (offMs, roundTripMs, found) => {
      expect((await clockDifference(broker({ offMs, roundTripMs }))) ?? Number.NaN).toBeCloseTo(found);
    },
  );

  it('is not known if NATS does not answer, or tells no time', async () => {
    expect(await clockDifference(broker({ offMs: 0, fails: true }))).toBeUndefined();
    expect(await clockDifference(broker({ offMs: undefined }))).toBeUndefined();
  });

  it.each([
    [undefined, undefined],
    [0, undefined],
    [5_000, undefined],
    [-5_000, undefined],
    [7_200_400, 'the clock of this host is 7200 s ahead of the clock of NATS: one of the two is wrong'],
    [-5_600, 'the clock of this host is 6 s behind the clock of NATS: one of the two is wrong'],
  ])('of %s ms gives the warning: %s', (differenceMs, sentence) => {
    expect(clockWarning(differenceMs)).toBe(sentence);
  });
});

describe('the check of the clock', () => {
  it('is repeated, logs each change once, and keeps what it knows while NATS is away', async () => {
    const state = { offMs: -60_000, fails: false };
    const lines: string[] = [];
    const log = {
      warn: (_fields: unknown, line: string) => void lines.push(line),
      info: (line: string) => void lines.push(line),
    };
    const check = await ClockCheck.start(broker(state), log as never);
    expect(check.warning).toContain('60 s ahead');
    await vi.advanceTimersByTimeAsync(3 * MINUTE_MS);
    expect(lines).toEqual(['clocks differ']);
    state.fails = true;
    await vi.advanceTimersByTimeAsync(MINUTE_MS);
    expect(check.warning).toContain('60 s ahead');
    Object.assign(state, { fails: false, offMs: 0 });
    await vi.advanceTimersByTimeAsync(MINUTE_MS);
    expect([check.warning, lines]).toEqual([undefined, ['clocks differ', 'clocks agree again']]);
    state.offMs = -60_000;
    check.stop();
    await vi.advanceTimersByTimeAsync(5 * MINUTE_MS);
    expect(check.warning).toBeUndefined();
  });
});
