import { afterEach, expect, it, vi } from 'vitest';
import { RepeatedWarning } from '../../../edge/telemetry/repeated-warning.ts';

afterEach(() => void vi.useRealTimers());

it('is due the first time, with a new reason at once, and with the same one after 10 s', () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const warning = new RepeatedWarning();
  const due = (reason: string, isFirst = false) => warning.isDue(reason, isFirst);
  expect([due('away'), due('away')]).toEqual([true, false]);
  expect([due('full'), due('full')]).toEqual([true, false]);
  vi.advanceTimersByTime(9_999);
  expect(due('full')).toBe(false);
  vi.advanceTimersByTime(1);
  expect([due('full'), due('full')]).toEqual([true, false]);
  expect(due('full', true), 'the first of another trouble').toBe(true);
});
