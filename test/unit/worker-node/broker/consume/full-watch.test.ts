import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { FullWatch } from '../../../../../worker-node/broker/consume/full-watch.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('says once that the host has been full for the time, and again only after it had room', () => {
  const tell = vi.fn();
  const watch = new FullWatch(50, tell);
  watch.note(true);
  vi.advanceTimersByTime(30);
  watch.note(true);
  vi.advanceTimersByTime(20);
  expect(tell).toHaveBeenCalledTimes(1);
  watch.note(true);
  vi.advanceTimersByTime(200);
  expect(tell).toHaveBeenCalledTimes(1);
  watch.note(false);
  watch.note(true);
  vi.advanceTimersByTime(50);
  expect(tell).toHaveBeenCalledTimes(2);
});

it('tells nothing about a host that has room in between, or is stopped', () => {
  const tell = vi.fn();
  const watch = new FullWatch(50, tell);
  for (let n = 0; n < 10; n++) {
    watch.note(true);
    vi.advanceTimersByTime(40);
    watch.note(false);
  }
  watch.note(true);
  watch.stop();
  vi.advanceTimersByTime(200);
  expect(tell).not.toHaveBeenCalled();
});
