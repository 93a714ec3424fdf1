import { afterEach, expect, it, vi } from 'vitest';
import { StoreRoom, waitingJobs } from '../../../../edge/bridge/store/store-room.ts';
import { ThroughlineError } from '../../../../shared/errors.ts';
import { MemoryBroker } from '../../support/memory-broker.ts';

afterEach(() => void vi.useRealTimers());

function setup(cap?: number) {
  vi.useFakeTimers();
  const broker = new MemoryBroker();
  broker.stream('DELAYED').cap = cap;
  const room = new StoreRoom();
  let jobs = 0;
  /** Takes a job, and settles it at once. */
  const take = async (bytes: number): Promise<void> => {
    const jobId = `job-${++jobs}`;
    await room.take(broker, jobId, bytes).finally(() => room.settle(jobId));
  };
  return { broker, room, take };
}

const refused = expect.objectContaining({ code: 'stream-full', retryAfterSeconds: 60 });

it('delayed jobs are taken up to the cap, and those taken since NATS was last asked count', async () => {
  const { take, broker } = setup(5_000);
  await take(1_000);
  await Promise.all([take(500), take(100)]);
  await expect(take(1_000)).rejects.toEqual(refused);
  await expect(take(1)).rejects.toEqual(refused);
  expect(broker.calls('extent')).toBe(1);
});

it('NATS is asked again after a second, and for another connection', async () => {
  const { take, broker, room } = setup(2_000);
  await take(900);
  await expect(take(1)).rejects.toEqual(refused);
  vi.advanceTimersByTime(1_000);
  await take(900);
  expect(broker.calls('extent')).toBe(2);
  const other = new MemoryBroker();
  await room.take(other, 'other', 900);
  expect(other.calls('extent')).toBe(1);
});

it('a job that NATS may not have yet counts beside what NATS says, until it is settled', async () => {
  const { take, broker, room } = setup(5_000);
  await room.take(broker, 'slow', 1_000);
  vi.advanceTimersByTime(1_000);
  await take(1_000);
  await expect(take(1)).rejects.toEqual(refused);
  room.settle('slow');
  vi.advanceTimersByTime(1_000);
  await take(1_000);
});

it('without a cap, or if this user may not ask, all delayed jobs are taken', async () => {
  await setup().take(10_000_000);
  const { take, broker } = setup(1);
  broker.before('extent', () => {
    throw new ThroughlineError('broker-refused', 'Permissions Violation');
  });
  await take(10_000_000);
  expect(await waitingJobs(broker)).toEqual({});
});

it('while NATS does not answer, nothing is known', async () => {
  const { take, broker } = setup(1);
  broker.fail('extent');
  await expect(take(1)).rejects.toMatchObject({ code: 'broker-unavailable' });
  await expect(waitingJobs(broker)).rejects.toMatchObject({ code: 'broker-unavailable' });
});
