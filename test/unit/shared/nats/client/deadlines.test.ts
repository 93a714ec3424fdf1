import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Deadlines } from '../../../../../shared/nats/client/deadlines.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('has one timer, even when what was late is added again', () => {
  const deadlines = new Deadlines(50);
  const wait = (key: object): void =>
    deadlines.add(key, () => {
      deadlines.delete(key);
      wait(key);
    });
  for (let n = 0; n < 3; n++) {
    wait({});
    vi.advanceTimersByTime(10);
  }
  vi.advanceTimersByTime(1_000);
  expect(vi.getTimerCount()).toBe(1);
});
