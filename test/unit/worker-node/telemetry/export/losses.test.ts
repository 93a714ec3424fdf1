import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Losses } from '../../../../../worker-node/telemetry/export/losses.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('spans that are lost are said at once, the next ones once at the end of each minute, and not again', () => {
  const tell = vi.fn();
  const lost = new Losses('spans', tell);
  lost.add('exportFailed', 3, 'status 500');
  expect(tell.mock.calls).toEqual([['spans', { queueFull: 0, exportFailed: 3, rejected: 0 }, 'status 500']]);
  lost.add('exportFailed', 2, 'status 500');
  lost.add('queueFull', 1, 'full');
  expect(tell).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(60_000);
  expect(tell).toHaveBeenLastCalledWith('spans', { queueFull: 1, exportFailed: 5, rejected: 0 }, 'full');
  expect(tell).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(600_000);
  expect(tell).toHaveBeenCalledTimes(2);
});

it('the sign stays for a minute after the last loss that was said', () => {
  const lost = new Losses('spans', () => undefined);
  expect(lost.warnings).toEqual([]);
  lost.add('rejected', 2, 'too old');
  expect(lost.warnings).toEqual(['spans are lost, so traces have gaps: too old; 2 since the start']);
  vi.advanceTimersByTime(60_000);
  expect(lost.warnings).toEqual([]);
});

it('what is unsaid is said at the end', () => {
  const tell = vi.fn();
  const lost = new Losses('spans', tell);
  lost.add('queueFull', 1, 'full');
  lost.add('queueFull', 1, 'full');
  lost.stop();
  expect(tell).toHaveBeenLastCalledWith('spans', { queueFull: 2, exportFailed: 0, rejected: 0 }, 'full');
});

it('no span is no loss', () => {
  const tell = vi.fn();
  new Losses('spans', tell).add('rejected', 0, 'only a warning');
  expect(tell).not.toHaveBeenCalled();
});

it('a warning about what was taken is said once in a minute, and stands in the signs meanwhile', () => {
  const tell = vi.fn();
  const lost = new Losses('spans', tell);
  lost.remark('the collector warns: too many');
  lost.remark('the collector warns: far too many');
  expect(tell.mock.calls).toEqual([['spans', undefined, 'the collector warns: too many']]);
  expect(lost.warnings).toEqual(['the collector warns: far too many']);
  vi.advanceTimersByTime(60_000);
  expect(lost.warnings).toEqual([]);
  lost.remark('the collector warns: too many');
  expect(tell).toHaveBeenCalledTimes(2);
  lost.stop();
});
