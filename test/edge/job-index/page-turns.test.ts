import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { PageTurns } from '../../../edge/job-index/page-turns.ts';

/** Pages of so many rows. The timers stand still. */
function setup(rowsRead: number) {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const turns = new PageTurns<{ rowsRead: number }>();
  const begun: string[] = [];
  const read = (tenant: string, what: string) =>
    turns.read(tenant, what, () => {
      begun.push(`${tenant} ${what}`);
      return { rowsRead };
    });
  return { read, begun };
}

describe('the pages of a tenant', () => {
  it('wait for no timer while they read few rows', async () => {
    const { read } = setup(20);
    for (let n = 0; n < 20; n++) expect(await read('acme', `page-${n}`)).toEqual({ rowsRead: 20 });
  });

  it('let those of others come between them when they read many rows', async () => {
    const { read, begun } = setup(2_000);
    const all = ['page-1', 'page-2', 'page-3'].map((page) => read('acme', page));
    await all[0];
    const other = read('globex', 'page-1');
    await vi.advanceTimersByTimeAsync(0);
    await other;
    expect(begun.slice(0, 3)).toContain('globex page-1');
    await vi.runAllTimersAsync();
    await Promise.all(all);
    expect(begun).toHaveLength(4);
  });
});
