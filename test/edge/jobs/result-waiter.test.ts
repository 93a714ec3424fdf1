import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ResultWaiter } from '../../../edge/jobs/result-waiter.ts';
import { pause } from '../../../shared/timers.ts';
import { MemoryConnection } from '../support/memory-connection.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const WAIT_MS = 2_000;
const JOB = { tenant: 'acme', jobId: 'job-1' };

it('a wait that loses NATS ends at its time, and does not listen afterwards', async () => {
  const connection = new MemoryConnection(() => pause(2 * WAIT_MS));
  const subscribe = vi.spyOn(connection.broker, 'subscribe');
  const began = Date.now();
  const waiter = ResultWaiter.start(connection, undefined, JOB);
  const ended = waiter.end(began + WAIT_MS).then((end) => [end, Date.now() - began]);
  await vi.runAllTimersAsync();
  expect(await ended).toEqual([undefined, WAIT_MS]);
  expect(subscribe).not.toHaveBeenCalled();
});
