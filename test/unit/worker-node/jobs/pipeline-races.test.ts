import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import * as z from 'zod';
import { readJobEvent } from '../../../../shared/wire/event-message.ts';
import { type JobRecord, readRecord } from '../../../../worker-node/broker/job-record.ts';
import { reject, retry } from '../../../../worker-node/operations/outcome.ts';
import { delivery, IDLE } from '../support.ts';
import {
  broker,
  byOther,
  cancel,
  cancelled,
  cancels,
  conclusions,
  type Handler,
  kinds,
  never,
  pipelineOf,
  setUpPipeline,
  stop,
  stopped,
  superseded,
  withCallback,
} from './pipeline-support.ts';

beforeEach(setUpPipeline);

describe('a job that another delivery has', () => {
  it('is left to it if that shows at the claim', async () => {
    broker.storeEvent(byOther('started'));
    const handler = vi.fn();
    const job = delivery();
    await pipelineOf(handler).process(job, IDLE);
    expect(handler).not.toHaveBeenCalled();
    expect(job.acks).toEqual([{ kind: 'none' }]);
    expect(conclusions).toEqual(['superseded']);
  });

  it.each([
    ['for the first time', {}],
    ['again', { deliveryCount: 2, isFirst: false }],
  ])(
    'is left alone if its message, which came %s, was asked for almost an ack wait ago',
    async (_when, more) => {
      vi.useFakeTimers({ toFake: ['Date'] });
      onTestFinished(() => void vi.useRealTimers());
      const handler = vi.fn();
      const job = delivery(more);
      vi.setSystemTime(Date.now() + 24_001);
      const pipeline = pipelineOf(handler);
      await pipeline.process(job, IDLE);
      expect(handler).not.toHaveBeenCalled();
      expect([broker.events, job.acks, conclusions]).toEqual([[], [], ['superseded']]);
      // If nobody had it, it comes again.
      await pipeline.process(delivery({ deliveryCount: 2, isFirst: false }), IDLE);
      expect(handler).toHaveBeenCalledOnce();
    },
  );

  it('is not handed back if this process stood still meanwhile', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const { getMessage } = broker.manager.streams;
    broker.manager.streams.getMessage = (stream, query) => {
      vi.setSystemTime(Date.now() + 30_001);
      return getMessage(stream, query);
    };
    const again = { deliveryCount: 2, isFirst: false, subject: 'jobs.normal.p3.acme.job-1.elsewhere' };
    const job = delivery(again);
    await pipelineOf(() => 1).process(job, IDLE);
    expect(job.acks).toEqual([{ kind: 'none' }]);
    expect(conclusions).toEqual(['operation-missing']);
  });

  it('runs again if the other delivery is over, as the next attempt', async () => {
    broker.storeEvent(byOther('started'));
    const job = delivery({ deliveryCount: 2, isFirst: false });
    await pipelineOf(({ job: { attempt } }) => attempt).process(job, IDLE);
    expect(broker.events.at(-1)).toMatchObject({ kind: 'succeeded', attempt: 2, result: 2 });
  });

  it('is left to it if that shows at a progress report, and the handler gets the reason', async () => {
    const job = delivery();
    let reason: unknown;
    await pipelineOf(({ signal, progress }) => {
      signal.addEventListener('abort', () => {
        reason = signal.reason;
      });
      broker.storeEvent(byOther('started', { attempt: 2 }));
      progress({ fraction: 0.5 });
      return never();
    }).process(job, IDLE);
    expect(reason).toMatchObject({ code: 'attempt-superseded' });
    expect(job.acks).toEqual([{ kind: 'none' }]);
    expect(kinds()).toEqual(['started by worker-1', 'started by worker-2']);
  });

  it.each<[string, Handler, string]>([
    ['a failure', () => retry('busy'), 'superseded'],
    ['a stop', stopped, 'superseded'],
    ['a success', () => 1, 'succeeded'],
    ['a rejection', () => reject('no'), 'failed'],
  ])('and is not over: %s is recorded only if it ends the job (W4)', async (_what, handler, conclusion) => {
    await pipelineOf((context) => {
      broker.storeEvent(byOther('started', { attempt: 2 }));
      return handler(context);
    }).process(delivery(), stop.signal);
    expect(conclusions).toEqual([conclusion]);
  });

  it.each<[string, Handler]>([
    ['a result', () => 1],
    ['a failure', () => retry('busy')],
    ['a last failure', () => reject('no')],
    ['a stop', stopped],
    ['a cancel', cancelled],
    ['nothing', superseded],
  ])(
    'and has ended: %s leaves that end alone, and the message leaves the queue (W4)',
    async (_what, handler) => {
      const job = delivery();
      await pipelineOf((context) => {
        broker.storeEvent(byOther('succeeded'));
        return handler(context);
      }).process(job, stop.signal);
      expect(kinds()).toEqual(['started by worker-1', 'succeeded by worker-2']);
      expect(broker.on('dead')).toEqual([]);
      expect(job.acks).toEqual([{ kind: 'ack' }]);
      expect(conclusions).toEqual(['duplicate']);
    },
  );

  it('and has ended: the message comes back if there is a callback to look after', async () => {
    const job = delivery(withCallback());
    await pipelineOf(() => broker.storeEvent(byOther('succeeded'))).process(job, IDLE);
    expect(job.acks).toEqual([{ kind: 'nak', delayMs: 1_000 }]);
  });
});

describe('a worker that was paused after `started` was stored (W4)', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
  afterEach(() => void vi.useRealTimers());

  /** A schema whose check takes longer than the ack wait, while something else happens. */
  const slowInput = (happens: () => void) =>
    z.unknown().refine(async () => {
      happens();
      vi.setSystemTime(Date.now() + 30_001);
      return true;
    });

  it.each<[string, () => void, string, string]>([
    ['was ended', () => broker.storeEvent(byOther('succeeded')), 'ack', 'duplicate'],
    [
      'has another attempt',
      () => broker.storeEvent(byOther('started', { attempt: 2 })),
      'none',
      'superseded',
    ],
  ])('does not begin a job that %s meanwhile', async (_what, happens, ack, conclusion) => {
    const handler = vi.fn();
    const job = delivery();
    await pipelineOf(handler, { input: slowInput(happens) }).process(job, IDLE);
    expect(handler).not.toHaveBeenCalled();
    expect(job.acks).toEqual([{ kind: ack }]);
    expect(conclusions).toEqual([conclusion]);
  });

  it('looks once, and begins a job that is still its own', async () => {
    const looks = vi.spyOn(broker.manager.streams, 'getMessage');
    await pipelineOf(() => 1, { input: slowInput(() => undefined) }).process(delivery(), IDLE);
    expect(looks.mock.calls.filter(([stream]) => stream === 'EVENTS')).toHaveLength(1);
    expect(conclusions).toEqual(['succeeded']);
  });

  it('begins a job also where every answer takes longer than the ack wait', async () => {
    const read = broker.manager.streams.getMessage;
    vi.spyOn(broker.manager.streams, 'getMessage').mockImplementation(async (...asked) => {
      vi.setSystemTime(Date.now() + 30_001);
      return await read(...asked);
    });
    await pipelineOf(() => 1, { input: slowInput(() => undefined) }).process(delivery(), IDLE);
    expect(conclusions).toEqual(['succeeded']);
  });

  it('asks nothing if it was not paused', async () => {
    const looks = vi.spyOn(broker.manager.streams, 'getMessage');
    await pipelineOf(() => 1).process(delivery(), IDLE);
    expect(looks).not.toHaveBeenCalled();
  });
});

describe('a job whose operation has no free place for longer than the ack wait', () => {
  it('is kept alive, and begins only if no other attempt began meanwhile', async () => {
    const door = Promise.withResolvers<void>();
    const handler = vi.fn(() => door.promise);
    const pipeline = pipelineOf(handler, { concurrency: 1 });
    const front = pipeline.process(
      delivery({ subject: 'jobs.normal.p3.acme.job-0.echo', sequence: 7 }),
      IDLE,
    );
    await vi.waitFor(() => expect(kinds()).toHaveLength(1), 60_000);
    const waiting = pipeline.process(delivery(), IDLE);
    broker.storeEvent(byOther('started'));
    door.resolve();
    await Promise.all([front, waiting]);
    expect(handler).toHaveBeenCalledTimes(1);
    expect(conclusions).toEqual(['succeeded', 'superseded']);
  });
});

describe('the record of a running job', () => {
  it.each([
    ['has ended', 'succeeded', 'the job has ended', 'duplicate'],
    ['has another attempt', 'started', 'another attempt has the job', 'superseded'],
  ] as const)(
    'that %s ends the attempt, and the handler gets the reason',
    async (_what, kind, message, end) => {
      let reason: unknown;
      await pipelineOf(async ({ signal }) => {
        broker.storeEvent(byOther(kind, { attempt: 2 }));
        for (const job of cancels.held) job.see(await recordNow());
        reason = signal.reason;
        return await never();
      }).process(delivery(), IDLE);
      expect(reason).toMatchObject({ code: 'attempt-superseded', message });
      expect(conclusions).toEqual([end]);
    },
  );

  it('from before its start ends nothing', async () => {
    const old = delivery({ deliveryCount: 2, isFirst: false });
    broker.storeEvent(byOther('started'));
    const before = await recordNow();
    await pipelineOf(({ signal }) => {
      for (const job of cancels.held) job.see(before);
      signal.throwIfAborted();
    }).process(old, IDLE);
    expect(conclusions).toEqual(['succeeded']);
  });

  const recordNow = (): Promise<JobRecord> =>
    readRecord(broker.manager, { tenant: 'acme', jobId: 'job-1', operation: 'echo' });
});

it('gives the operation the sequence of its `started` event as its fence', async () => {
  broker.storeEvent(byOther('retrying'));
  await pipelineOf(({ job: { fence } }) => fence).process(
    delivery({ deliveryCount: 2, isFirst: false }),
    IDLE,
  );
  const started = broker.on('events').find(({ data }) => readJobEvent(data)?.kind === 'started');
  expect(started?.seq).toBe(2);
  expect(broker.events.at(-1)).toMatchObject({ kind: 'succeeded', result: 2 });
});

describe('a job that is cancelled', () => {
  it('before its delivery never runs', async () => {
    cancel();
    const handler = vi.fn();
    const job = delivery();
    await pipelineOf(handler).process(job, IDLE);
    expect(handler).not.toHaveBeenCalled();
    expect(kinds()).toEqual(['cancelled by worker-1']);
    expect(job.acks).toEqual([{ kind: 'ack' }]);
  });

  it('before a message that came later, a redrive, runs', async () => {
    cancel(1);
    await pipelineOf(() => 1).process(delivery({ sequence: 2 }), IDLE);
    expect(conclusions).toEqual(['succeeded']);
  });

  it('while it runs aborts the handler with the reason, and keeps no attempt', async () => {
    const job = delivery();
    let reason: unknown;
    await pipelineOf(({ signal }) => {
      signal.addEventListener('abort', () => {
        reason = signal.reason;
      });
      cancel();
      return never();
    }).process(job, IDLE);
    expect(reason).toMatchObject({ code: 'job-cancelled' });
    expect(kinds()).toEqual(['started by worker-1', 'cancelled by worker-1']);
  });

  it('while it waits for a free place ends immediately, and never starts', async () => {
    const door = Promise.withResolvers<void>();
    const pipeline = pipelineOf(() => door.promise, { concurrency: 1 });
    const front = pipeline.process(
      delivery({ subject: 'jobs.normal.p3.acme.job-0.echo', sequence: 7 }),
      IDLE,
    );
    await vi.waitFor(() => expect(kinds()).toHaveLength(1), 60_000);
    const job = delivery();
    const waiting = pipeline.process(job, IDLE);
    cancel();
    await waiting;
    expect(job.acks).toEqual([{ kind: 'ack' }]);
    expect(kinds().slice(1)).toEqual(['cancelled by worker-1']);
    door.resolve();
    await front;
  });

  it('in the moment in which its attempt fails is not tried again', async () => {
    const job = delivery();
    await pipelineOf(() => {
      cancel();
      throw new Error('busy');
    }).process(job, IDLE);
    expect(conclusions).toEqual(['cancelled']);
  });
});

describe('a worker that stops', () => {
  it('hands a running job back unspent, and the handler gets the reason', async () => {
    const job = delivery();
    let reason: unknown;
    await pipelineOf(({ signal }) => {
      signal.addEventListener('abort', () => {
        reason = signal.reason;
      });
      stop.abort();
      return never();
    }).process(job, stop.signal);
    expect(reason).toMatchObject({ code: 'worker-stopping' });
    expect(broker.events.at(-1)).toMatchObject({ kind: 'released', attempt: 0, released: 1 });
    expect(job.acks).toEqual([{ kind: 'nak', delayMs: 0 }]);
  });

  it('answers a delivery only when its event is stored', async () => {
    const job = delivery();
    const stored = Promise.withResolvers<void>();
    const { publish } = broker.jetStream;
    const asked = new Promise<void>((resolve) => {
      broker.jetStream.publish = async (subject, data, options) => {
        if (readJobEvent(data as Uint8Array)?.kind === 'released') {
          resolve();
          await stored.promise;
        }
        return await publish(subject, data, options);
      };
    });
    const processed = pipelineOf(stopped).process(job, stop.signal);
    await asked;
    await new Promise(setImmediate);
    expect(job.acks).toEqual([]);
    stored.resolve();
    await processed;
    expect(job.acks).toEqual([{ kind: 'nak', delayMs: 0 }]);
  });

  it('does not start a job', async () => {
    const handler = vi.fn();
    await pipelineOf(handler).process(delivery(), AbortSignal.abort());
    expect(handler).not.toHaveBeenCalled();
    expect(kinds()).toEqual(['released by worker-1']);
  });

  it('and whose job is cancelled then cancels it', async () => {
    await pipelineOf(() => {
      stop.abort();
      cancel();
      return never();
    }).process(delivery(), stop.signal);
    expect(conclusions).toEqual(['cancelled']);
  });

  it('leaves no listener behind on the signal that all jobs share', async () => {
    const { signal } = new AbortController();
    const [added, removed] = [vi.spyOn(signal, 'addEventListener'), vi.spyOn(signal, 'removeEventListener')];
    await pipelineOf(() => 7).process(delivery(), signal);
    expect(added).toHaveBeenCalledTimes(1);
    expect(removed.mock.calls.map(([type, listener]) => [type, listener])).toEqual(
      added.mock.calls.map(([type, listener]) => [type, listener]),
    );
  });
});

describe('a job that had ended before', () => {
  it.each([
    ['a later delivery', { deliveryCount: 2, isFirst: false }],
    ['a second message', {}],
  ])('is not run again by %s (W4)', async (_what, more) => {
    broker.storeEvent(byOther('succeeded'));
    const handler = vi.fn();
    const job = delivery(more);
    await pipelineOf(handler).process(job, IDLE);
    expect(handler).not.toHaveBeenCalled();
    expect(kinds()).toEqual(['succeeded by worker-2']);
    expect(job.acks).toEqual([{ kind: 'ack' }]);
    expect(conclusions).toEqual(['duplicate']);
  });

  it('gets its callback stored, which may be missing', async () => {
    broker.storeEvent(byOther('succeeded'));
    await pipelineOf(() => 1).process(delivery({ ...withCallback(), isFirst: false }), IDLE);
    expect(broker.on('callbacks')).toHaveLength(1);
  });
});
