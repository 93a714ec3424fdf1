import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Progress } from '../../../../shared/job/job.ts';
import { ProgressThrottle } from '../../../../worker-node/jobs/progress-throttle.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function setup() {
  const seen: Progress[] = [];
  return { seen, throttle: new ProgressThrottle((progress) => seen.push(progress)) };
}

describe('a throttle of progress', () => {
  it('passes the first report on at once', () => {
    const { seen, throttle } = setup();
    throttle.report({ fraction: 0 });
    expect(seen).toEqual([{ fraction: 0 }]);
  });

  it('passes on at most four reports a second, each the last one that came', () => {
    const { seen, throttle } = setup();
    for (let percent = 0; percent <= 100; percent++) {
      throttle.report({ fraction: percent / 100 });
      vi.advanceTimersByTime(10);
    }
    expect(seen.map(({ fraction }) => fraction)).toEqual([0, 0.24, 0.49, 0.74, 0.99]);
    vi.advanceTimersByTime(250);
    expect(seen.at(-1)).toEqual({ fraction: 1 });
  });

  it('passes the last of a burst on when its interval is over, and then nothing more', () => {
    const { seen, throttle } = setup();
    for (const message of ['a', 'b', 'c']) throttle.report({ message });
    vi.advanceTimersByTime(249);
    expect(seen).toEqual([{ message: 'a' }]);
    vi.advanceTimersByTime(1);
    expect(seen).toEqual([{ message: 'a' }, { message: 'c' }]);
    vi.advanceTimersByTime(10_000);
    expect(seen).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('passes nothing on once it is stopped, and leaves no timer that could outlive the attempt', () => {
    const { seen, throttle } = setup();
    throttle.report({ message: 'a' });
    throttle.report({ message: 'b' });
    throttle.stop();
    throttle.report({ message: 'c' });
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(1_000);
    expect(seen).toEqual([{ message: 'a' }]);
  });
});
