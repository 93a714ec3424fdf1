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

it('a wait that loses NATS near its end is not longer for that', async () => {
  let connectMs = 0;
  const connection = new MemoryConnection(() => pause(connectMs));
  const opening = connection.session();
  await vi.runAllTimersAsync();
  const { promise: lost, resolve: lose } = Promise.withResolvers<void>();
  const session = await opening;
  vi.spyOn(session.lost, 'race').mockImplementation((other, onLoss) =>
    Promise.race([other, lost.then(onLoss)]),
  );
  const began = Date.now();
  const waiter = ResultWaiter.start(connection, session, JOB);
  const ended = waiter.end(began + WAIT_MS).then((end) => [end, Date.now() - began]);
  connectMs = WAIT_MS;
  setTimeout(lose, WAIT_MS - 100);
  await vi.runAllTimersAsync();
  expect(await ended).toEqual([undefined, WAIT_MS]);
});
