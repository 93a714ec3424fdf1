import { headers as natsHeaders } from '@nats-io/transport-node';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { CALLBACK_ENDS, type CallbackEnd } from '../../../../shared/job/callback.ts';
import type { JobEvent } from '../../../../shared/job/event.ts';
import { readJobEvent } from '../../../../shared/wire/event-message.ts';
import { writeJobSpec } from '../../../../shared/wire/job-headers.ts';
import { writeJson } from '../../../../shared/wire/json-body.ts';
import { BrokerRetry } from '../../../../worker-node/broker/broker-retry.ts';
import { CallbackPublisher } from '../../../../worker-node/broker/callback-publisher.ts';
import type { Delivery } from '../../../../worker-node/broker/consume/delivery.ts';
import { EventPublisher } from '../../../../worker-node/broker/event-publisher.ts';
import { JobRecords } from '../../../../worker-node/broker/job-record.ts';
import { StoredPublisher } from '../../../../worker-node/broker/stored-publisher.ts';
import { CancelMemory } from '../../../../worker-node/jobs/cancel-memory.ts';
import { JobPipeline } from '../../../../worker-node/jobs/pipeline.ts';
import {
  defineOperation,
  type OperationDefinition,
  type RunContext,
} from '../../../../worker-node/operations/operation.ts';
import { createRegistry } from '../../../../worker-node/operations/operation-registry.ts';
import { reject, retry } from '../../../../worker-node/operations/outcome.ts';
import { MemoryBroker } from '../memory-broker.ts';
import { delivery, IDLE, quiet, SUCCEEDED } from '../support.ts';

type Handler = (context: RunContext<unknown>) => unknown;

let broker: MemoryBroker;
let cancels: CancelMemory;
let conclusions: string[];
/** Whether another host of the group has every operation. */
let isServedElsewhere: boolean;
let patience: AbortController;
/** The signal of the loop that gives the worker its deliveries. */
let stop: AbortController;
beforeEach(() => {
  broker = new MemoryBroker();
  cancels = new CancelMemory();
  conclusions = [];
  isServedElsewhere = false;
  patience = new AbortController();
  stop = new AbortController();
});

/** A pipeline whose operation `echo` is this handler. */
function pipelineOf(handler: Handler, definition: Partial<OperationDefinition<unknown, unknown>> = {}) {
  const operation = defineOperation<unknown, unknown>({
    name: 'echo',
    input: z.unknown(),
    ...definition,
    run: handler,
  });
  const retry = new BrokerRetry({ log: quiet, patience: patience.signal });
  const publisher = new StoredPublisher(broker.jetStream, retry, 'worker-1');
  return new JobPipeline({
    publisher,
    events: new EventPublisher(publisher),
    records: new JobRecords(broker.manager, retry),
    callbacks: new CallbackPublisher(publisher),
    cancels,
    registry: createRegistry([operation]),
    log: quiet,
    metrics: {
      jobSettled: (conclusion) => void conclusions.push(conclusion),
      contextExtracted: () => undefined,
    },
    worker: 'worker-1',
    group: 'workers',
    ackWaitMs: 30_000,
    tracing: false,
    random: () => 0.5,
    hosts: { serves: () => isServedElsewhere },
  });
}

const kinds = (): string[] => broker.events.map(({ kind, worker }) => `${kind} by ${worker}`);
const cancel = (sequence = 1): void =>
  cancels.hear({ tenant: 'acme', jobId: 'job-1', sequence, sentBy: undefined });
const byOther = (kind: JobEvent['kind'], more: Partial<JobEvent> = {}): JobEvent => ({
  ...{ ...SUCCEEDED, kind, worker: 'worker-2', startedAt: '2026-01-01T00:00:01.000Z' },
  ...more,
});
const never = (): Promise<never> => new Promise(() => undefined);

/** Handlers that are cut off. */
const cancelled: Handler = () => {
  cancel();
  return never();
};
const stopped: Handler = () => {
  stop.abort();
  return never();
};
const superseded: Handler = ({ progress }) => {
  progress({ fraction: 0.5 });
  return never();
};

/** Headers of a job that asks for a callback at these ends. */
function withCallback(events: readonly CallbackEnd[] = CALLBACK_ENDS): Pick<Delivery, 'headers'> {
  const headers = natsHeaders();
  writeJobSpec({ callback: { url: 'https://acme.example/', events } }, (name, value) =>
    headers.set(name, value),
  );
  return { headers };
}

describe('a delivery of a job', () => {
  it('runs after its start is stored, and is settled once its end is', async () => {
    const job = delivery({ data: writeJson({ a: 1 }) });
    await pipelineOf(({ input }) => {
      expect(kinds()).toEqual(['started by worker-1']);
      expect(job.acks).toEqual([]);
      return input;
    }).process(job, IDLE);
    expect(kinds()).toEqual(['started by worker-1', 'succeeded by worker-1']);
    expect(broker.events.at(-1)?.result).toEqual({ a: 1 });
    expect(job.acks).toEqual([{ kind: 'ack' }]);
    expect(conclusions).toEqual(['succeeded']);
    expect(cancels.held).toEqual([]);
  });

  it.each<[CallbackEnd, Handler]>([
    ['succeeded', () => 1],
    ['failed', () => reject('no')],
    ['cancelled', cancelled],
  ])('stores the callback for an end that it is for, %s, after that end', async (end, handler) => {
    const job = delivery(withCallback([end]));
    await pipelineOf(handler).process(job, IDLE);
    expect(broker.stored.slice(-2).map(({ subject }) => subject)).toEqual([
      'events.acme.job-1',
      'callbacks.acme.job-1',
    ]);
    const [task] = broker.on('callbacks');
    expect(task?.headers?.get('Nats-Msg-Id')).toBe('job-1:callback');
    expect(task?.headers?.get('throughline-callback-url')).toBe('https://acme.example/');
    expect(readJobEvent(task?.data ?? new Uint8Array())).toEqual(broker.events.at(-1));
  });

  it.each<[CallbackEnd, Handler]>([
    ['succeeded', () => 1],
    ['failed', () => retry('busy')],
    ['cancelled', stopped],
  ])('stores no callback for an end that it is not for: %s', async (end, handler) => {
    const others = CALLBACK_ENDS.filter((other) => other !== end);
    await pipelineOf(handler).process(delivery(withCallback(others)), stop.signal);
    expect(broker.on('callbacks')).toEqual([]);
  });

  it('moves a rejected job to the dead letters whole, before it records the end', async () => {
    const inbound = natsHeaders();
    inbound.append('traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
    inbound.append('X-Own', 'a');
    inbound.append('X-Own', 'b');
    inbound.append('Nats-Rollup', 'all');
    inbound.append('nats-expected-stream', 'DEAD');
    const job = delivery({ headers: inbound, data: writeJson({ width: 7 }) });
    await pipelineOf(() => reject('no')).process(job, IDLE);
    expect(broker.stored.slice(1).map(({ subject }) => subject)).toEqual([
      'dead.acme.job-1.echo',
      'events.acme.job-1',
    ]);
    const [dead] = broker.on('dead');
    expect(dead?.data).toEqual(writeJson({ width: 7 }));
    expect(dead?.headers?.values('X-Own')).toEqual(['a', 'b']);
    expect(dead?.headers?.get('traceparent')).toMatch(/^00-4bf92f/);
    expect(dead?.headers?.keys().filter((name) => /^nats-/i.test(name))).toEqual(['Nats-Msg-Id']);
    expect(dead?.headers?.get('Nats-Msg-Id')).toBe('job-1:dead');
    expect(dead?.headers?.get('throughline-dead-reason')).toBe('operation-rejected');
    expect(dead?.headers?.get('throughline-dead-attempts')).toBe('1');
    expect(job.acks).toEqual([{ kind: 'term', reason: 'operation-rejected' }]);
  });

  it('writes its own progress between its start and its end', async () => {
    await pipelineOf(async ({ progress }) => {
      progress({ fraction: 0.5 });
      await vi.waitFor(() => expect(kinds()).toHaveLength(2));
    }).process(delivery(), IDLE);
    expect(kinds()).toEqual(['started by worker-1', 'progress by worker-1', 'succeeded by worker-1']);
  });

  it('is kept alive while it runs', async () => {
    vi.useFakeTimers();
    try {
      const job = delivery();
      const door = Promise.withResolvers<void>();
      const running = pipelineOf(() => door.promise).process(job, IDLE);
      await vi.advanceTimersByTimeAsync(13_000);
      expect(job.signs()).toBe(2);
      door.resolve();
      await running;
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('that comes again while it runs does not run twice, and the latest delivery gets the ack (W15)', async () => {
    const [first, again] = [delivery(), delivery({ deliveryCount: 2, isFirst: false })];
    const handler = vi.fn();
    const pipeline = pipelineOf(async () => {
      handler();
      await pipeline.process(again, IDLE);
    });
    await pipeline.process(first, IDLE);
    expect(handler).toHaveBeenCalledTimes(1);
    expect([first.acks, again.acks]).toEqual([[], [{ kind: 'ack' }]]);
    expect(conclusions).toEqual(['superseded', 'succeeded']);
  });

  it('is not settled if the broker takes nothing: it comes back after a pause', async () => {
    broker.fault = new Error('away');
    patience.abort();
    const job = delivery({ deliveryCount: 3, isFirst: false });
    const handler = vi.fn();
    await pipelineOf(handler).process(job, IDLE);
    expect(handler).not.toHaveBeenCalled();
    expect(job.acks).toEqual([{ kind: 'nak', delayMs: 4_000 }]);
    expect(conclusions).toEqual(['unsettled']);
    expect(cancels.held).toEqual([]);
  });
});

describe('a job whose attempts are spent', () => {
  it('fails without another run', async () => {
    broker.storeEvent(byOther('started', { attempt: 5 }));
    const handler = vi.fn();
    const job = delivery({ deliveryCount: 6, isFirst: false });
    await pipelineOf(handler).process(job, IDLE);
    expect(handler).not.toHaveBeenCalled();
    expect(job.acks).toEqual([{ kind: 'term', reason: 'attempts-spent' }]);
    expect(broker.on('dead')).toHaveLength(1);
  });
});

describe('a message', () => {
  describe('of an operation that this worker does not have', () => {
    const thumbnail = (more: Partial<Delivery> = {}) =>
      delivery({ subject: 'jobs.acme.job-1.image.thumbnail', ...more });

    it('is handed back without an event, and is counted', async () => {
      const job = thumbnail();
      await pipelineOf(() => 1).process(job, IDLE);
      expect(broker.stored).toEqual([]);
      expect(job.acks).toEqual([{ kind: 'nak', delayMs: 375 }]);
      expect(conclusions).toEqual(['operation-missing']);
    });

    it('is handed back also when its attempts seem to be spent, since only its operation says how many it has', async () => {
      broker.storeEvent(byOther('retrying', { attempt: 7, operation: 'image.thumbnail' }));
      const job = thumbnail({ deliveryCount: 8, isFirst: false });
      await pipelineOf(() => 1).process(job, IDLE);
      expect(broker.on('dead')).toEqual([]);
      expect(job.acks).toEqual([{ kind: 'nak', delayMs: 22_500 }]);
    });

    it('comes back soon where another host of the group has the operation', async () => {
      isServedElsewhere = true;
      const job = thumbnail({ deliveryCount: 8, isFirst: false });
      await pipelineOf(() => 1).process(job, IDLE);
      expect(job.acks).toEqual([{ kind: 'nak', delayMs: 750 }]);
    });

    it('ends when it was cancelled', async () => {
      cancel();
      const job = thumbnail({ deliveryCount: 2, isFirst: false });
      await pipelineOf(() => 1).process(job, IDLE);
      expect(kinds()).toEqual(['cancelled by worker-1']);
      expect(job.acks).toEqual([{ kind: 'ack' }]);
    });
  });

  it('that is not a job goes to the dead letters, and its end is recorded', async () => {
    const job = delivery({ data: new TextEncoder().encode('{'), deliveryCount: 2 });
    await pipelineOf(() => 1).process(job, IDLE);
    expect(broker.stored.map(({ subject }) => subject)).toEqual([
      'dead.acme.job-1.echo',
      'events.acme.job-1',
    ]);
    expect(broker.on('dead')[0]?.headers?.get('throughline-dead-attempts')).toBe('2');
    expect(broker.events).toMatchObject([{ kind: 'failed', error: { code: 'message-invalid' } }]);
    expect(job.acks).toEqual([{ kind: 'term', reason: 'message-invalid' }]);
    expect(conclusions).toEqual(['unreadable']);
  });

  it('whose subject is not one of a job is found by its sequence', async () => {
    await pipelineOf(() => 1).process(delivery({ subject: 'jobs.acme', sequence: 9 }), IDLE);
    expect(broker.on('dead')[0]?.subject).toMatch(/^dead\.[^.]+\.seq-9\.unknown$/);
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
    const front = pipeline.process(delivery({ subject: 'jobs.acme.job-0.echo', sequence: 7 }), IDLE);
    await vi.waitFor(() => expect(kinds()).toHaveLength(1));
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
