import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Progress } from '../../../../../shared/job/attempt-report.ts';
import type { JobEvent } from '../../../../../shared/job/event.ts';
import { ProgressReporter } from '../../../../../worker-node/jobs/attempt/progress-reporter.ts';
import { attempt } from '../../support.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function setup() {
  const seen: Progress[] = [];
  const chain = { recordProgress: ({ progress }: JobEvent) => void seen.push(progress ?? {}) };
  return { seen, reporter: new ProgressReporter(chain, attempt(), 'worker-1') };
}

describe('a reporter of progress', () => {
  it('writes the first report immediately', () => {
    const { seen, reporter } = setup();
    reporter.report({ fraction: 0 });
    expect(seen).toEqual([{ fraction: 0 }]);
  });

  it('writes at most four reports a second, each the latest one', () => {
    const { seen, reporter } = setup();
    for (let percent = 0; percent <= 100; percent++) {
      reporter.report({ fraction: percent / 100 });
      vi.advanceTimersByTime(10);
    }
    expect(seen.map(({ fraction }) => fraction)).toEqual([0, 0.24, 0.49, 0.74, 0.99]);
    vi.advanceTimersByTime(250);
    expect(seen.at(-1)).toEqual({ fraction: 1 });
  });

  it('writes the last report of a burst at the end of its interval, and then nothing more', () => {
    const { seen, reporter } = setup();
    for (const message of ['a', 'b', 'c']) reporter.report({ message });
    vi.advanceTimersByTime(249);
    expect(seen).toEqual([{ message: 'a' }]);
    vi.advanceTimersByTime(1);
    expect(seen).toEqual([{ message: 'a' }, { message: 'c' }]);
    vi.advanceTimersByTime(10_000);
    expect(seen).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('writes nothing after it was stopped, and leaves no timer that could outlive the attempt', () => {
    const { seen, reporter } = setup();
    reporter.report({ message: 'a' });
    reporter.report({ message: 'b' });
    reporter.stop();
    reporter.report({ message: 'c' });
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(1_000);
    expect(seen).toEqual([{ message: 'a' }]);
  });
});
