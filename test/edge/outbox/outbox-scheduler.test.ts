import { ROOT_CONTEXT } from '@opentelemetry/api';
import { describe, expect, it, vi } from 'vitest';
import { Outbox } from '../../../edge/outbox/outbox.ts';
import { OutboxScheduler } from '../../../edge/outbox/outbox-scheduler.ts';
import type { Logger } from '../../../edge/telemetry/log.ts';
import { ThroughlineError, unavailable } from '../../../shared/errors.ts';
import { MemoryConnection } from '../support/memory-connection.ts';
import { openSql } from '../support/memory-sql.ts';

const KEEP_MS = 60_000;
const JOB = {
  tenant: 'acme',
  jobId: 'job-1',
  operation: 'echo',
  acceptedAt: '2026-01-01T00:00:00.000Z',
  spec: { maxAttempts: 5 },
  carrier: {},
};

const SHARE = { outboxJobs: 10, outboxBytes: 10_000 };

/** A scheduler that connects to NATS as the test says; the storage remembers its alarm. */
function setup(connect: () => Promise<void>) {
  const outbox = new Outbox(openSql(), {
    maxRows: 10,
    maxBytes: 10_000,

    keepRejectedMs: KEEP_MS,
  });
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() } satisfies Logger;
  const storage = {
    alarm: null as number | null,
    getAlarm: async () => storage.alarm,
    setAlarm: async (at: number | Date) => {
      storage.alarm = Number(at);
    },
  };
  const work: Promise<unknown>[] = [];
  const connection = new MemoryConnection(connect);
  const isLimited = { value: false };
  const forgotten: string[] = [];
  const scheduler = new OutboxScheduler({
    name: 'bridge',
    outbox,
    log,
    keepUntilEnded: false,
    ownContext: ROOT_CONTEXT,
    connection,
    object: { storage, waitUntil: (one) => void work.push(one) },
    feed: { addPublished: () => undefined },
    usage: { isBusy: () => false },
    pooled: { forget: ({ jobId }) => forgotten.push(jobId) },
    operations: { isLimited: () => isLimited.value },
    hosts: { learn: async () => undefined, servesOwnLane: () => false },
  });
  const add = (): void => outbox.add(JOB, new Uint8Array([48]), 'unsent', SHARE);
  return {
    outbox,
    scheduler,
    storage,
    log,
    connection,
    isLimited,
    forgotten,
    add,
    settled: () => Promise.all(work),
  };
}

it('a job from the outbox whose operation has a limit by key goes to a limited lane', async () => {
  const { scheduler, add, connection, isLimited } = setup(async () => undefined);
  isLimited.value = true;
  add();
  await scheduler.alarm();
  expect(connection.broker.published.map(({ subject }) => subject.split('.')[2])).toEqual(['l0']);
});

it('a job that NATS rejects gives back its place in the pooled lane, and one that is tried again keeps its place', async () => {
  const { scheduler, add, connection, forgotten } = setup(async () => undefined);
  const faults = [unavailable('away'), new ThroughlineError('payload-too-large', 'it is too large')];
  connection.broker.before('publish', () => {
    const fault = faults.shift();
    if (fault !== undefined) throw fault;
  });
  add();
  await scheduler.alarm();
  expect(forgotten).toEqual([]);
  await scheduler.alarm();
  expect(forgotten).toEqual(['job-1']);
});

describe('the alarm', () => {
  it('never fails, and is set again, however often NATS does not take the jobs (E7)', async () => {
    const { scheduler, storage, add, connection, log } = setup(() =>
      Promise.reject(new Error('a fault of any kind')),
    );
    add();
    for (let times = 1; times <= 8; times++) {
      storage.alarm = null;
      await scheduler.alarm();
      expect(connection.asked).toBe(times);
      expect(storage.alarm).toBeGreaterThan(Date.now());
    }
    expect(storage.alarm).toBeLessThan(Date.now() + 10_001);
    const why = { code: 'internal', reason: 'a fault of any kind' };
    expect(log.warn).toHaveBeenCalledWith('the outbox cannot be drained now', expect.objectContaining(why));
  });

  it('is set in the same turn as the first pending job', () => {
    const { scheduler, storage, add } = setup(() => Promise.reject(unavailable('away')));
    add();
    scheduler.added();
    expect(storage.alarm).toBeGreaterThan(Date.now());
  });

  it('that was lost is set again when the object starts again (E8)', async () => {
    const { scheduler, storage, add } = setup(() => Promise.reject(unavailable('away')));
    await scheduler.start();
    expect(storage.alarm).toBeNull();
    add();
    await scheduler.start();
    expect(storage.alarm).toBeLessThanOrEqual(Date.now());
  });

  it('that comes twice at the same time sends once (E9)', async () => {
    const gate = Promise.withResolvers<void>();
    const { scheduler, outbox, add, connection } = setup(() => gate.promise);
    add();
    const both = [scheduler.alarm(), scheduler.alarm()];
    gate.resolve();
    await Promise.all(both);
    expect(connection.asked).toBe(1);
    expect(connection.broker.published.map(({ subject }) => subject)).toEqual([
      'jobs.normal.p3.acme.job-1.echo',
    ]);
    expect(outbox.hasPending).toBe(false);
  });
});

describe('a rejected job', () => {
  function reject(outbox: Outbox): void {
    outbox.rejected.add(outbox.findPending('acme', 'job-1')?.position ?? 0, 'payload-too-large: it is');
  }

  it('is given up by the alarm, which is set for its time, also after a new start', async () => {
    const { scheduler, storage, outbox, add, connection } = setup(async () => undefined);
    add();
    reject(outbox);
    await scheduler.start();
    expect(storage.alarm).toBeGreaterThan(Date.now() + KEEP_MS - 10_000);
    expect(connection.asked).toBe(0);
    vi.useFakeTimers({ now: Date.now() + KEEP_MS, toFake: ['Date'] });
    try {
      await scheduler.alarm();
    } finally {
      vi.useRealTimers();
    }
    expect(outbox.status(0)).toMatchObject({ pending: 0, rejected: 0, bytes: 0 });
    expect(connection.broker.published.map(({ subject }) => subject)).toEqual(['events.acme.job-1']);
  });

  it('that is removed changes nothing of a job that NATS has under its job id', async () => {
    const { scheduler, outbox, add, connection } = setup(async () => undefined);
    add();
    reject(outbox);
    add();
    await scheduler.alarm();
    const [item] = outbox.list('acme', 10);
    outbox.rejected.remove('acme', item?.id ?? '');
    await scheduler.alarm();
    expect(outbox.status(0)).toMatchObject({ pending: 0, rejected: 0, bytes: 0 });
    expect(connection.broker.published.map(({ subject }) => subject)).toEqual([
      'jobs.normal.p3.acme.job-1.echo',
    ]);
  });
});

describe('after a failure', () => {
  it('new jobs do not make it try again; the return of NATS does', async () => {
    const { scheduler, add, connection, settled } = setup(() => Promise.reject(unavailable('away')));
    add();
    scheduler.added();
    await settled();
    scheduler.added();
    scheduler.kick();
    await settled();
    expect(connection.asked).toBe(1);
    scheduler.reconnected();
    await settled();
    expect(connection.asked).toBe(2);
  });

  it('many jobs that come at the same time are one failure', async () => {
    const { scheduler, add, log, settled, storage } = setup(async () => {
      await Promise.resolve();
      throw unavailable('away');
    });
    add();
    for (let jobs = 0; jobs < 50; jobs++) scheduler.added();
    await settled();
    expect(log.warn).toHaveBeenCalledTimes(1);
    expect(storage.alarm).toBeLessThan(Date.now() + 1_000);
  });

  it('many tries of one failure are one warning, and the failure after a success is another one', async () => {
    let isAway = true;
    const { scheduler, add, log } = setup(() =>
      isAway ? Promise.reject(unavailable('away')) : Promise.resolve(undefined),
    );
    add();
    for (let tries = 0; tries < 3; tries++) await scheduler.alarm();
    expect(log.warn).toHaveBeenCalledTimes(1);
    isAway = false;
    await scheduler.alarm();
    isAway = true;
    add();
    await scheduler.alarm();
    expect(log.warn).toHaveBeenCalledTimes(2);
  });

  it('the log says how many jobs are pending, and for how long', async () => {
    const { scheduler, add, log } = setup(() => Promise.reject(unavailable('away')));
    add();
    await scheduler.alarm();
    expect(log.warn).toHaveBeenCalledWith('the outbox cannot be drained now', {
      code: 'broker-unavailable',
      reason: expect.stringContaining('away'),
      pending: 1,
      oldest_age_s: 0,
    });
  });

  it('the log says what a fault of ours was', async () => {
    const { scheduler, add, log } = setup(() => Promise.reject(new TypeError('x is not a function')));
    add();
    await scheduler.alarm();
    const fields = { code: 'internal', reason: 'x is not a function' };
    expect(log.warn).toHaveBeenCalledWith(
      'the outbox cannot be drained now',
      expect.objectContaining(fields),
    );
  });

  it('the log says why the alarm cannot be set', async () => {
    const { scheduler, add, log, storage, settled } = setup(() => Promise.reject(unavailable('away')));
    storage.setAlarm = () => Promise.reject(new Error('the storage is broken'));
    add();
    scheduler.added();
    await settled();
    const fields = { reason: 'the storage is broken' };
    await vi.waitFor(() =>
      expect(log.error).toHaveBeenCalledWith('the alarm of the outbox cannot be set', fields),
    );
  });
});

describe('pending jobs with one ordering key', () => {
  const ids = (subjects: readonly { readonly subject: string }[]) =>
    subjects.map(({ subject }) => subject.split('.')[4]);

  it('Q8: are not published before an elder that NATS did not take yet', async () => {
    const { scheduler, outbox, connection } = setup(async () => undefined);
    for (const [jobId, orderingKey] of [
      ['job-1', 'a'],
      ['job-2', 'a'],
      ['job-3', 'b'],
    ] as const)
      outbox.add(
        { ...JOB, jobId, spec: { ...JOB.spec, orderingKey } },
        new Uint8Array([48]),
        'unsent',
        SHARE,
      );
    connection.broker.before('publish', (nth) => {
      if (nth === 1) throw unavailable('no answer');
    });
    await scheduler.alarm();
    expect(ids(connection.broker.published)).toEqual(['job-3']);
    await scheduler.alarm();
    expect(ids(connection.broker.published)).toEqual(['job-3', 'job-1', 'job-2']);
  });
});
