import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Progress } from '../../shared/job.ts';
import { ProgressThrottle } from '../../worker-node/jobs/progress-throttle.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a throttle of progress', () => {
  it('passes the first report on at once', () => {
    const seen: Progress[] = [];
    new ProgressThrottle((progress) => seen.push(progress)).report({ fraction: 0 });
    expect(seen).toEqual([{ fraction: 0 }]);
  });

  it('passes on at most four reports a second, and those as they were', () => {
    const seen: Progress[] = [];
    const throttle = new ProgressThrottle((progress) => seen.push(progress));
    for (let percent = 0; percent <= 100; percent++) {
      throttle.report({ fraction: percent / 100 });
      vi.advanceTimersByTime(10);
    }
    expect(seen.map(({ fraction }) => fraction)).toEqual([0, 0.25, 0.5, 0.75, 1]);
  });

  it('has no timer of its own that could outlive the job', () => {
    new ProgressThrottle(() => undefined).report({ fraction: 0 });
    expect(vi.getTimerCount()).toBe(0);
  });
});
