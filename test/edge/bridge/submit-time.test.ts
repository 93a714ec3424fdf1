import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PooledJobs } from '../../../edge/bridge/pooled-jobs.ts';
import { RequestBroker } from '../../../edge/nats/request-broker.ts';
import { unavailable } from '../../../shared/errors.ts';
import { pause } from '../../../shared/timers.ts';
import { MemoryConnection } from '../support/memory-connection.ts';
import { command, KEY, setup } from './submit-support.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const { patienceMs } = new MemoryConnection();

/** What work gives or throws, and how long it takes by the clock. */
async function timed(work: () => Promise<unknown>): Promise<{ ms: number; value: unknown }> {
  const began = Date.now();
  const ended = (value: unknown) => ({ ms: Date.now() - began, value });
  const done = work().then(ended, ended);
  await vi.advanceTimersByTimeAsync(10 * patienceMs);
  return await done;
}

describe('a submission with a key', () => {
  it('is refused in time, and makes no job, while another one of its key takes long', async () => {
    const bridge = setup();
    await bridge.submit(command('before'));
    const { broker } = bridge;
    const { lastMessage } = broker;
    let looks = 0;
    // The answers to the first one are lost. Those to the other one come at once.
    vi.spyOn(broker, 'lastMessage').mockImplementation((...asked) =>
      looks++ === 0
        ? pause(patienceMs - 100).then(() => Promise.reject(unavailable('lost')))
        : lastMessage.apply(broker, asked),
    );
    vi.spyOn(broker, 'publish').mockImplementation(async () => {
      await pause(patienceMs);
      throw unavailable('lost');
    });
    const first = timed(() => bridge.submit(command('job-1', { fingerprint: KEY })));
    setTimeout(() => void bridge.submit(command('job-1', { fingerprint: KEY })), patienceMs - 1_000);
    const { ms, value } = await first;
    expect([ms <= patienceMs, value]).toEqual([
      true,
      expect.objectContaining({ code: 'broker-unavailable' }),
    ]);
  });

  it('is refused if NATS says late that another request with the key was first', async () => {
    const bridge = setup();
    await bridge.submit(command('before'));
    await bridge.submit(command('job-1', { fingerprint: 'e'.repeat(64) }));
    // The bridge has lost what it knew of the first one.
    bridge.sql.exec('DELETE FROM known_keys');
    bridge.restart();
    const { broker } = bridge;
    const { lastMessage, publish } = broker;
    let isPublished = false;
    vi.spyOn(broker, 'lastMessage').mockImplementation(async (...asked) => {
      if (!isPublished) return undefined;
      await pause(50);
      return await lastMessage.apply(broker, asked);
    });
    vi.spyOn(broker, 'publish').mockImplementation(async (...message) => {
      await pause(patienceMs - 20);
      isPublished = true;
      return await publish.apply(broker, message);
    });
    const { value } = await timed(() => bridge.submit(command('job-1', { fingerprint: KEY })));
    expect(value).toMatchObject({ code: 'idempotency-key-reused' });
  });
});

it('a submission waits no longer than its limit for another one to look at the pooled lane', async () => {
  const connection = new MemoryConnection();
  vi.spyOn(connection.broker, 'lastMessage').mockReturnValue(new Promise(() => undefined));
  const pooled = new PooledJobs(1);
  const broker = await RequestBroker.start(connection);
  await pooled.admit(broker, { tenant: 'acme', jobId: '1' }, 1);
  const { ms, value } = await timed(
    async () => await pooled.admit(broker, { tenant: 'acme', jobId: '2' }, 2, 100),
  );
  expect([ms, value]).toEqual([100, false]);
});

it('a delayed job counts only while it is under way if the answer about room came too late', async () => {
  const bridge = setup();
  await bridge.submit(command('before'));
  const { broker } = bridge;
  broker.stream('DELAYED').cap = 5_000;
  const { extent } = broker;
  const slow = vi.spyOn(broker, 'extent').mockImplementation(async (...asked) => {
    await pause(patienceMs + 500);
    return await extent.apply(broker, asked);
  });
  const dueAt = '2100-01-01T00:00:00.000Z';
  for (let n = 0; n < 5; n++) await timed(() => bridge.submit(command(`late-${n}`, { dueAt })));
  slow.mockRestore();
  bridge.sql.exec('DELETE FROM outbox');
  const { value } = await timed(() => bridge.submit(command('after', { dueAt })));
  expect(value).toMatchObject({ outcome: 'submitted' });
});

it('a submission that fails before its turn holds up none of its ordering key', async () => {
  const bridge = setup();
  await bridge.submit(command('before'));
  vi.spyOn(bridge.broker, 'subscribe').mockImplementationOnce(() => {
    throw unavailable('closed');
  });
  const ordered = { orderingKey: 'one' };
  await expect(bridge.submit({ ...command('first', ordered), waitMs: 1_000 })).rejects.toThrow('closed');
  const { value } = await timed(() => bridge.submit(command('second', ordered)));
  expect(value).toMatchObject({ job: { id: 'second' } });
});
