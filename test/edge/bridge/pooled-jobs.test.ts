import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JobEvent } from '../../../shared/job/event.ts';
import { writeJson } from '../../../shared/wire/json-body.ts';
import { eventSubject } from '../../../shared/wire/subjects.ts';
import { command, QUOTAS, setup } from './submit-support.ts';

const FAIR_JOBS = 4;
/** Longer than the shortest time between two looks at the jobs of a tenant. */
const WHILE_MS = 1_000;

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterEach(() => void vi.useRealTimers());

/** A bridge whose index never answers, so that each job of the tenant counts as unfinished. */
function start(quota = 10_000) {
  const bridge = setup({ quotas: { ...QUOTAS, jobs: quota } });
  let jobs = 0;
  /** Submits jobs, one after the other. @returns whether each went to a bulk lane */
  const submit = async (count: number): Promise<boolean[]> => {
    const before = bridge.subjects().length;
    for (let n = 0; n < count; n++) await bridge.submit(command(`job-${++jobs}`));
    vi.setSystemTime(Date.now() + WHILE_MS);
    return bridge
      .subjects()
      .slice(before)
      .map((subject) => subject.split('.')[2]?.startsWith('b') === true);
  };
  const end = async (jobId: string): Promise<void> => {
    const at = '2026-01-01T00:00:00.000Z';
    const event = {
      kind: 'succeeded',
      jobId,
      operation: 'echo',
      attempt: 1,
      maxAttempts: 5,
      released: 0,
      acceptedAt: at,
      startedAt: at,
      at,
      worker: 'w',
      traceId: '',
      spanId: '',
      result: null,
    } satisfies JobEvent;
    await bridge.broker.publish(eventSubject('acme', jobId), () => undefined, writeJson(event));
    bridge.broker.published.pop();
  };
  return { ...bridge, submit, end };
}

describe('the pooled lane of a tenant', () => {
  it('Q9: takes a job as soon as one there has ended, however many wait in a bulk lane', async () => {
    const { submit, end } = start();
    expect(await submit(10)).toEqual([...Array(FAIR_JOBS).fill(false), ...Array(6).fill(true)]);
    await end('job-1');
    expect(await submit(2)).toEqual([false, true]);
    // The end of a job in a bulk lane makes no room.
    await end('job-6');
    expect(await submit(1)).toEqual([true]);
  });

  it('asks NATS about no job of a quiet tenant, and about few of a busy one', async () => {
    const { submit, broker } = start();
    await submit(FAIR_JOBS);
    const before = broker.calls('lastMessage');
    await submit(1);
    expect(broker.calls('lastMessage') - before).toBe(FAIR_JOBS);
    const later = broker.calls('lastMessage');
    // They come at the same moment.
    await submit(50);
    expect(broker.calls('lastMessage') - later).toBe(FAIR_JOBS);
  });

  it('keeps no job waiting for a look that follows another within a second', async () => {
    const { submit, end, broker } = start();
    await submit(FAIR_JOBS + 1);
    await submit(1);
    vi.setSystemTime(Date.now() - WHILE_MS / 2);
    const answered = Promise.withResolvers<void>();
    const ask = broker.lastMessage.bind(broker);
    broker.lastMessage = async (...question) => {
      await answered.promise;
      return await ask(...question);
    };
    await end('job-1');
    expect(await submit(1)).toEqual([true]);
    answered.resolve();
    vi.setSystemTime(Date.now() - WHILE_MS / 2);
    await vi.waitFor(async () => expect(await submit(1)).toEqual([false]));
  });

  it('has no room for a tenant with very many unfinished jobs', async () => {
    const { submit, end } = start();
    await submit(64 * FAIR_JOBS);
    await end('job-1');
    expect(await submit(1)).toEqual([true]);
  });

  it('keeps the room of a job that was refused', async () => {
    const { submit, end, broker } = start();
    await submit(FAIR_JOBS);
    await end('job-1');
    broker.before('publish', () => {
      throw new Error('refused');
    });
    await expect(submit(1)).rejects.toThrow();
    broker.before('publish', () => undefined);
    expect(await submit(2)).toEqual([false, true]);
  });
});
