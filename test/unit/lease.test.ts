import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Lease } from '../../worker-node/jobs/lease.ts';

const ACK_WAIT_MS = 30_000;
const NOW = Date.parse('2026-01-01T00:00:00Z');

beforeEach(() => void vi.useFakeTimers({ now: NOW }));
afterEach(() => void vi.useRealTimers());

const lease = (storedAgoMs: number, pulledAgoMs: number): Lease =>
  new Lease({ time: new Date(NOW - storedAgoMs) }, NOW - pulledAgoMs, ACK_WAIT_MS);

it('holds for a message that was stored a moment ago, however long the pull was open', () => {
  expect(lease(10, 29_000).holds).toBe(true);
});

it('holds for a message that waited in the queue for hours, and was asked for a moment ago', () => {
  expect(lease(3_600_000, 10).holds).toBe(true);
});

it('does not hold where both were half an ack wait ago or more', () => {
  expect(lease(14_999, 20_000).holds).toBe(true);
  expect(lease(15_000, 20_000).holds).toBe(false);
  expect(lease(3_600_000, 15_000).holds).toBe(false);
});

it('ends while a job waits for its turn', () => {
  const waiting = lease(0, 0);
  vi.setSystemTime(NOW + 14_999);
  expect(waiting.holds).toBe(true);
  vi.setSystemTime(NOW + 15_000);
  expect(waiting.holds).toBe(false);
});
