import { expect, it, vi } from 'vitest';
import { SpanCounts } from '../../../../edge/telemetry/export/span-counts.ts';

function setup() {
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const clock = { now: 1_700_000_000_000 };
  return { log, clock, counts: new SpanCounts(log, () => clock.now) };
}

it('counts each reason by itself', () => {
  const { counts } = setup();
  counts.addExported(5);
  counts.addLost('queueFull', 1);
  counts.addLost('rejected', 2);
  counts.addLost('exportFailed', 0);
  expect([counts.exported, counts.lost]).toEqual([
    5,
    { queueFull: 1, exportFailed: 0, rejected: 2, overBudget: 0 },
  ]);
});

it('says each loss once, in at most one line a minute', () => {
  const { log, clock, counts } = setup();
  counts.addLost('exportFailed', 3, 'status 500');
  counts.addLost('exportFailed', 4, 'status 503');
  counts.addLost('queueFull', 2);
  counts.tell();
  expect(log.warn.mock.calls).toEqual([
    [
      'spans were lost',
      { since_last_line: 3, queueFull: 0, exportFailed: 3, rejected: 0, overBudget: 0, reason: 'status 500' },
    ],
  ]);
  clock.now += 60_000;
  counts.tell();
  expect(log.warn.mock.lastCall).toEqual([
    'spans were lost',
    { since_last_line: 6, queueFull: 2, exportFailed: 7, rejected: 0, overBudget: 0, reason: 'status 503' },
  ]);
  clock.now += 60_000;
  counts.tell();
  expect(log.warn).toHaveBeenCalledTimes(2);
});
