import { headers as natsHeaders } from '@nats-io/transport-node';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { CALLBACK_ENDS, type CallbackEnd } from '../../../../shared/job/callback.ts';
import { readDeadLetterReason } from '../../../../shared/wire/dead-letter.ts';
import { readJobEvent } from '../../../../shared/wire/event-message.ts';
import { headerValues } from '../../../../shared/wire/headers.ts';
import { writeJobSpec } from '../../../../shared/wire/job-headers.ts';
import { writeJson } from '../../../../shared/wire/json-body.ts';
import type { Delivery } from '../../../../worker-node/broker/consume/delivery.ts';
import { messageSize } from '../../../../worker-node/broker/stored-publisher.ts';
import { reject, retry } from '../../../../worker-node/operations/outcome.ts';
import { delivery, IDLE } from '../support.ts';
import {
  broker,
  byOther,
  cancel,
  cancelled,
  cancels,
  conclusions,
  errorTypes,
  type Handler,
  host,
  kinds,
  patience,
  pipelineOf,
  serveElsewhere,
  setUpPipeline,
  stop,
  stopped,
  withCallback,
} from './pipeline-support.ts';

beforeEach(setUpPipeline);

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
      await vi.waitFor(() => expect(kinds()).toHaveLength(2), 60_000);
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
    const first = delivery();
    const again = delivery({ deliveryCount: 2, isFirst: false });
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
    expect(errorTypes).toEqual(['broker-unavailable']);
    expect(cancels.held).toEqual([]);
  });

  it.each<[string, string | undefined, Handler, Partial<Delivery>]>([
    ['succeeds', undefined, () => 1, {}],
    ['asks for another attempt', 'operation-failed', () => retry('busy'), {}],
    ['is rejected', 'operation-rejected', () => reject('no'), {}],
    ['cannot be read', 'message-invalid', () => 1, { data: new TextEncoder().encode('{') }],
  ])('that %s is measured with the code of its error: %s', async (_how, code, handler, more) => {
    await pipelineOf(handler).process(delivery(more), IDLE);
    expect(errorTypes).toEqual([code]);
  });

  it('is read once, also if its attempt may get a trace of its own', async () => {
    const inbound = natsHeaders();
    inbound.set('traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
    inbound.set('throughline-due-at', '2026-01-02T00:00:00.000Z');
    inbound.set('ce-time', '2026-01-01T00:00:00.000Z');
    const data = writeJson({ a: 1 });
    const decode = vi.spyOn(TextDecoder.prototype, 'decode');
    onTestFinished(() => decode.mockRestore());
    const job = delivery({ headers: inbound, data });
    await pipelineOf(() => 1, { tracing: { late: 'linked' } }).process(job, IDLE);
    expect(conclusions).toEqual(['succeeded']);
    expect(decode.mock.calls.filter(([bytes]) => bytes === data)).toHaveLength(1);
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

describe('a job whose last event cannot be read', () => {
  const GARBAGE: [string, Uint8Array][] = [
    ['an event with a pause that is null', writeJson({ ...byOther('retrying'), retryInMs: null })],
    ['another JSON', writeJson({ hello: 1 })],
    ['no JSON', new TextEncoder().encode('{')],
    ['nothing', new Uint8Array()],
  ];

  it.each(GARBAGE)('ends without a run, and is counted: %s', async (_what, data) => {
    broker.store('events.acme.job-1', data);
    const handler = vi.fn();
    const job = delivery({ deliveryCount: 2, isFirst: false });
    await pipelineOf(handler).process(job, IDLE);
    expect(handler).not.toHaveBeenCalled();
    expect(broker.events).toMatchObject([
      { kind: 'failed', attempt: 0, error: { code: 'record-unreadable' } },
    ]);
    expect(broker.events[0]?.error?.message).toContain('sequence 1 ');
    expect(broker.on('dead')).toHaveLength(1);
    expect(job.acks).toEqual([{ kind: 'term', reason: 'record-unreadable' }]);
    expect([conclusions, host.unreadable]).toEqual([['failed'], 1]);
  });

  it('ends if that shows only when the attempt is claimed', async () => {
    broker.store('events.acme.job-1', writeJson({ hello: 1 }));
    const handler = vi.fn();
    await pipelineOf(handler).process(delivery(), IDLE);
    expect(handler).not.toHaveBeenCalled();
    expect(broker.events).toMatchObject([{ kind: 'failed', error: { code: 'record-unreadable' } }]);
    expect(host.unreadable).toBe(1);
  });

  it.each<[string, Handler, string]>([
    ['a success is recorded', () => 1, 'succeeded'],
    ['a failure is left to the next delivery, which ends the job', () => retry('busy'), 'superseded'],
  ])('since its attempt has begun: %s', async (_what, handler, conclusion) => {
    await pipelineOf((context) => {
      broker.store('events.acme.job-1', writeJson({ hello: 1 }));
      return handler(context);
    }).process(delivery(), IDLE);
    expect(conclusions).toEqual([conclusion]);
  });
});

describe('a fault of the worker', () => {
  it('ends the job, which would meet it again and again', async () => {
    host.random = Number.NaN;
    const job = delivery();
    await pipelineOf(() => retry('busy')).process(job, IDLE);
    expect(broker.events.at(-1)).toMatchObject({ kind: 'failed', error: { code: 'internal' } });
    const [dead] = broker.on('dead');
    expect(readDeadLetterReason(headerValues(dead?.headers)).message).toContain('retryInMs');
    expect(job.acks).toEqual([{ kind: 'term', reason: 'internal' }]);
  });
});

describe('a result that NATS does not take', () => {
  it('fails the job in its first attempt, and says how large it is and how large it may be', async () => {
    host.maxPayload = 65_536;
    const job = delivery();
    await pipelineOf(() => 'x'.repeat(500_000)).process(job, IDLE);
    expect(broker.events.at(-1)).toMatchObject({
      kind: 'failed',
      attempt: 1,
      error: { code: 'result-too-large' },
    });
    expect(broker.events.at(-1)?.error?.message).toMatch(/500002 bytes.* 6[45][0-9]{3} /);
    expect(job.acks).toEqual([{ kind: 'term', reason: 'result-too-large' }]);
  });

  it.each([{}, withCallback()])(
    'is the only one: the next smaller one is stored, with its callback',
    async (more) => {
      host.maxPayload = 65_536;
      const refused = delivery(more);
      await pipelineOf(() => 'x'.repeat(65_536)).process(refused, IDLE);
      const room = Number(/at most ([0-9]+) /.exec(broker.events.at(-1)?.error?.message ?? '')?.[1]);
      setUpPipeline();
      host.maxPayload = 65_536;
      await pipelineOf(() => 'x'.repeat(room - 2)).process(delivery(more), IDLE);
      expect(broker.events.at(-1)).toMatchObject({ kind: 'succeeded' });
      for (const { data, headers } of broker.stored)
        expect(messageSize(data, headers ?? natsHeaders())).toBeLessThan(host.maxPayload);
      expect(
        messageSize(broker.stored[1]?.data ?? new Uint8Array(), broker.stored[1]?.headers ?? natsHeaders()),
      ).toBeGreaterThan(64_000);
    },
  );
});

it('the end of a job, and its callback, fit into the smallest message with which a worker starts', async () => {
  host.maxPayload = 32_768;
  const inbound = natsHeaders();
  const url = `https://acme.example/${'a'.repeat(2_000)}`;
  writeJobSpec({ callback: { url, events: CALLBACK_ENDS } }, (name, value) => inbound.set(name, value));
  const pairs = Array.from({ length: 60 }, (_, n) => `key${n}=${'v'.repeat(120)}`);
  inbound.set('baggage', pairs.join(','));
  inbound.set('traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
  inbound.set('tracestate', `a=${'b'.repeat(250)},c=${'d'.repeat(250)}`);
  await pipelineOf(() => reject('\u0001'.repeat(5_000))).process(delivery({ headers: inbound }), IDLE);
  expect(conclusions).toEqual(['failed']);
  for (const { subject, data, headers } of broker.stored) {
    expect([subject, messageSize(data, headers ?? natsHeaders()) < host.maxPayload]).toEqual([subject, true]);
  }
  expect(broker.on('callbacks')).toHaveLength(1);
});

describe('a dead letter', () => {
  const thrower: Handler = () => {
    throw new Error('no', { cause: new Error('the cause') });
  };

  it('says what was thrown, with stack and causes', async () => {
    await pipelineOf(thrower, { maxAttempts: 1 }).process(delivery(), IDLE);
    const [dead] = broker.on('dead');
    const reason = readDeadLetterReason(headerValues(dead?.headers));
    expect(reason).toMatchObject({ code: 'operation-failed', attempts: 1, message: 'no; cause: the cause' });
    expect(reason.detail).toMatch(/^Error: no\n +at [\s\S]*\ncaused by: Error: the cause\n +at /);
    expect(broker.events.at(-1)?.error?.message).toMatch(/^the operation failed/);
  });

  it('leaves that out if NATS would not take it', async () => {
    host.maxPayload = 65_536;
    const data = writeJson('x'.repeat(65_300));
    await pipelineOf(thrower, { maxAttempts: 1 }).process(delivery({ data }), IDLE);
    const [dead] = broker.on('dead');
    expect(dead?.data).toEqual(data);
    expect(dead?.headers?.get('throughline-dead-reason')).toBe('operation-failed');
    expect(dead?.headers?.has('throughline-dead-detail')).toBe(false);
  });

  it('is missing if its message became too large for NATS, and the job has its end all the same', async () => {
    host.maxPayload = 65_536;
    const job = delivery({ data: writeJson('x'.repeat(70_000)) });
    await pipelineOf(thrower, { maxAttempts: 1 }).process(job, IDLE);
    expect(broker.on('dead')).toEqual([]);
    expect(broker.events.at(-1)).toMatchObject({ kind: 'failed', error: { code: 'operation-failed' } });
    expect(job.acks).toEqual([{ kind: 'term', reason: 'operation-failed' }]);
  });
});

describe('a message', () => {
  describe('of an operation that this worker does not have', () => {
    const thumbnail = (more: Partial<Delivery> = {}) =>
      delivery({ subject: 'jobs.normal.p3.acme.job-1.image.thumbnail', ...more });

    it('is handed back without an event, and is counted', async () => {
      const job = thumbnail();
      await pipelineOf(() => 1).process(job, IDLE);
      expect(broker.stored).toEqual([]);
      expect(job.acks).toEqual([{ kind: 'nak', delayMs: 375 }]);
      expect(conclusions).toEqual(['operation-missing']);
    });

    it('is handed back even when its attempts seem to be spent, since only its operation says how many it has', async () => {
      broker.storeEvent(byOther('retrying', { attempt: 7, operation: 'image.thumbnail' }));
      const job = thumbnail({ deliveryCount: 8, isFirst: false });
      await pipelineOf(() => 1).process(job, IDLE);
      expect(broker.on('dead')).toEqual([]);
      expect(job.acks).toEqual([{ kind: 'nak', delayMs: 22_500 }]);
    });

    it('comes back soon where another host of the group has the operation', async () => {
      serveElsewhere();
      const job = thumbnail({ deliveryCount: 8, isFirst: false });
      await pipelineOf(() => 1).process(job, IDLE);
      expect(job.acks).toEqual([{ kind: 'nak', delayMs: 53 }]);
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

  it.each([
    ['2026-01-01T00:00:01Z', 'schedule-repeats'],
    ['purge', 'succeeded'],
  ])('that comes from a schedule, next time %s, is %s', async (next, conclusion) => {
    const headers = natsHeaders();
    headers.set('Nats-Scheduler', 'delayed.normal.p3.acme.job-1.echo');
    headers.set('Nats-Schedule-Next', next);
    const job = delivery({ headers, data: new TextEncoder().encode('1') });
    await pipelineOf(() => 1).process(job, IDLE);
    expect(conclusions).toEqual([conclusion]);
    if (conclusion === 'succeeded') return;
    expect(broker.stored).toEqual([]);
    expect(job.acks).toEqual([{ kind: 'term', reason: 'it comes from a schedule that repeats' }]);
  });

  it('whose subject is not one of a job is found by its sequence', async () => {
    await pipelineOf(() => 1).process(delivery({ subject: 'jobs.acme', sequence: 9 }), IDLE);
    expect(broker.on('dead')[0]?.subject).toMatch(/^dead\.[^.]+\.seq-9\.unknown$/);
  });
});
