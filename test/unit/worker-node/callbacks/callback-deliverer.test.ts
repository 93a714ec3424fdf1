import { headers } from '@nats-io/transport-node';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { pino } from 'pino';
import { afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { CallbackSecrets } from '../../../../shared/callback-secrets.ts';
import { ThroughlineError } from '../../../../shared/errors.ts';
import type { CallbackEvent } from '../../../../shared/job/callback-event.ts';
import { createCallbackSecret } from '../../../../shared/text/secret.ts';
import { writeCallbackTask } from '../../../../shared/wire/callback-task.ts';
import { writeJson } from '../../../../shared/wire/json-body.ts';
import type { Ack } from '../../../../worker-node/broker/consume/delivery.ts';
import { CallbackDeliverer } from '../../../../worker-node/callbacks/callback-deliverer.ts';
import { CallbackSlots } from '../../../../worker-node/callbacks/callback-slots.ts';
import { TargetGuard } from '../../../../worker-node/callbacks/target-guard.ts';
import { workerConfig } from '../../../../worker-node/config.ts';
import { OpenAddresses } from '../../../../worker-node/operations/targets/addresses.ts';
import {
  type CallbackReceiver,
  startCallbackReceiver,
  status,
} from '../../../support/http/callback-receiver.ts';
import { until } from '../../../support/poll.ts';
import { delivery as fakeDelivery, IDLE, SUCCEEDED } from '../support.ts';

const MAX_ATTEMPTS = 3;
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const TRACED = { traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-00` };
let receiver: CallbackReceiver;
beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
beforeEach(async () => {
  receiver = await startCallbackReceiver();
});
afterEach(() => receiver.stop());

function textOf(ack: Ack): string {
  if (ack.kind === 'nak') return `nak ${ack.delayMs}`;
  return ack.kind === 'term' ? `term ${ack.reason}` : ack.kind;
}

/** A delivery of a callback task, and how it was handled. */
function delivery({
  recordFails = undefined as Error | undefined,
  subject = 'callbacks.acme.job-1',
  last = undefined as CallbackEvent | undefined,
  storedAt = new Date(),
  slots = new CallbackSlots({ slots: 2, perTenant: 2, random: () => 0.5 }),
  carrier = {},
} = {}) {
  const lines: Record<string, unknown>[] = [];
  const mixin = () => ({ trace_id: trace.getActiveSpan()?.spanContext().traceId });
  const log = pino({ mixin }, { write: (line) => void lines.push(JSON.parse(line)) });
  const said: string[] = [];
  const events: CallbackEvent[] = [];
  const outcomes: string[] = [];
  const errorTypes: (string | undefined)[] = [];
  const messageHeaders = headers();
  const task = { tenant: 'acme', url: `${receiver.origin}/hook?key=canary`, event: SUCCEEDED };
  writeCallbackTask(task, '/throughline/bridge', carrier, (name, value) => messageHeaders.set(name, value));
  const message = fakeDelivery({
    subject,
    headers: messageHeaders,
    data: writeJson(SUCCEEDED),
    storedAt,
    deliveryCount: last === undefined ? 1 : 7,
    isFirst: last === undefined,
    working: () => void said.push('working'),
    settle: (ack) => void said.push(textOf(ack)),
  });
  const record = async (_tenant: string, event: CallbackEvent): Promise<void> => {
    if (recordFails !== undefined) throw recordFails;
    events.push(event);
  };
  const deliverer = new CallbackDeliverer({
    guard: new TargetGuard(receiver.origin, new OpenAddresses('')),
    secrets: new CallbackSecrets(workerConfig({ CALLBACK_SECRET: createCallbackSecret() })),
    callbacks: { record },
    callbackRecords: { last: async () => last },
    slots,
    schedule: { maxAttempts: MAX_ATTEMPTS, firstMs: 100, maxMs: 1_000 },
    timeoutMs: 5_000,
    ackWaitMs: 30,
    metrics: {
      callbackSettled: (outcome) => void outcomes.push(outcome),
      callbackTraced: () => undefined,
      contextExtracted: () => undefined,
      messageProcessed: (_destination, _ms, errorType) => void errorTypes.push(errorType),
    },
    log,
    worker: 'host-1',
    tracing: false,
    random: () => 0.5,
  });
  return {
    lines,
    said,
    events,
    outcomes,
    errorTypes,
    process: (stop: AbortSignal) => deliverer.process(message, stop),
  };
}

/** The event of an earlier attempt. */
const recorded = (more: Partial<CallbackEvent>): CallbackEvent => ({
  kind: 'callback-retrying',
  jobId: 'job-1',
  url: `${receiver.origin}/hook`,
  attempt: 1,
  maxAttempts: MAX_ATTEMPTS,
  at: '2026-01-01T00:00:00.000Z',
  worker: 'host-0',
  traceId: '',
  spanId: '',
  ...more,
});

describe('the delivery of a callback', () => {
  it('keeps its task alive until the receiver answers, and records the URL without its query', async () => {
    const { said, events, outcomes, process } = delivery();
    receiver.answer('/hook', (response) => {
      void until('a sign of life', () => said.filter((word) => word === 'working').length >= 2).then(() =>
        response.writeHead(200).end(),
      );
    });
    await process(IDLE);
    expect(said.filter((word) => word !== 'working')).toEqual(['ack']);
    expect(events).toMatchObject([
      { kind: 'callback-delivered', url: `${receiver.origin}/hook`, attempt: 1 },
    ]);
    expect(JSON.stringify(events)).not.toContain('canary');
    expect(outcomes).toEqual(['delivered']);
  });

  it('is left to another worker that may have the task by now, since it was asked for long ago', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const { said, outcomes, lines, process } = delivery({ carrier: TRACED });
    vi.setSystemTime(Date.now() + 60_000);
    await process(IDLE);
    expect([said, outcomes]).toEqual([[], ['postponed']]);
    expect(lines).toMatchObject([{ job_id: 'job-1', trace_id: TRACE_ID }]);
    expect(receiver.at('/hook')).toEqual([]);
  });

  it('carries trace ids although no spans are recorded', async () => {
    const { events, process } = delivery();
    await process(IDLE);
    const [event] = events;
    expect(receiver.at('/hook')[0]?.headers.traceparent).toBe(`00-${event?.traceId}-${event?.spanId}-02`);
  });

  it.each([
    [0, 'nak 75', 'callback-retrying'],
    [1, 'nak 750', 'callback-retrying'],
    [MAX_ATTEMPTS - 1, 'term callback-failed', 'callback-failed'],
    // CALLBACK_MAX_ATTEMPTS has become smaller.
    [MAX_ATTEMPTS, 'term callback-failed', 'callback-failed'],
  ])('after %i recorded attempts, when refused, ends with: %s', async (attempts, ack, kind) => {
    receiver.answer('/hook', status(500));
    const { said, events, process } = delivery(
      attempts === 0 ? {} : { last: recorded({ attempt: attempts }) },
    );
    await process(IDLE);
    expect(said.filter((word) => word !== 'working')).toEqual([ack]);
    expect(events).toMatchObject([{ kind, status: 500, attempt: Math.min(attempts + 1, MAX_ATTEMPTS) }]);
    expect(receiver.at('/hook')).toHaveLength(1);
  });

  it.each(['callback-delivered', 'callback-failed'] as const)(
    'is not sent again after its end is recorded: %s',
    async (kind) => {
      const { said, events, outcomes, process } = delivery({ last: recorded({ kind }) });
      await process(IDLE);
      expect([said, events, outcomes]).toEqual([['ack'], [], ['repeated']]);
      expect(receiver.connections()).toBe(0);
    },
  );

  it('that comes before its pause is over is handed back for the rest', async () => {
    const at = new Date(Date.now() + 60_000).toISOString();
    const { said, events, process } = delivery({ last: recorded({ at, retryInMs: 200 }) });
    await process(IDLE);
    expect([said, events]).toEqual([['nak 200'], []]);
    expect(receiver.connections()).toBe(0);
  });

  it('of one end of a job does not take the attempts of another end for its own', async () => {
    const { events, process } = delivery({ last: recorded({ kind: 'callback-failed', redriveCount: 1 }) });
    await process(IDLE);
    expect(events).toMatchObject([{ kind: 'callback-delivered' }]);
  });

  it('to a paused receiver is handed back without an attempt, and given up once its time is over', async () => {
    const slots = new CallbackSlots({ slots: 2, perTenant: 2, random: () => 0.5 });
    const route = { tenant: 'acme', receiver: new URL(receiver.origin).host };
    for (let silence = 0; silence < 3; silence++) {
      const claim = await slots.claim(route, IDLE);
      if (claim.kind === 'slot') claim.release('silent');
    }
    const young = delivery({ slots });
    await young.process(IDLE);
    expect([young.said, young.events, young.outcomes]).toEqual([
      [expect.stringMatching(/^nak \d+$/)],
      [],
      ['postponed'],
    ]);
    const old = delivery({ slots, storedAt: new Date(Date.now() - 3_600_000) });
    await old.process(IDLE);
    expect(old.said).toEqual(['term callback-failed']);
    expect(old.events).toMatchObject([
      {
        kind: 'callback-failed',
        attempt: 1,
        error: { message: expect.stringContaining('has not answered') },
      },
    ]);
    expect(receiver.connections()).toBe(0);
  });

  it('is handed back immediately if the worker stops, before the POST or during it', async () => {
    const before = delivery();
    await before.process(AbortSignal.abort());
    expect(receiver.connections()).toBe(0);
    const stop = new AbortController();
    receiver.answer('/hook', () => stop.abort());
    const midst = delivery();
    await midst.process(stop.signal);
    for (const { said, events, outcomes } of [before, midst]) {
      expect(said.filter((word) => word !== 'working')).toEqual(['nak 0']);
      expect([events, outcomes]).toEqual([[], ['released']]);
    }
  });

  it('that cannot be recorded comes again', async () => {
    const away = new ThroughlineError('broker-unavailable', 'no broker');
    const { said, outcomes, errorTypes, lines, process } = delivery({ recordFails: away, carrier: TRACED });
    await process(IDLE);
    expect(said.filter((word) => word !== 'working')).toEqual(['nak 2000']);
    expect([outcomes, errorTypes]).toEqual([['unsettled'], ['broker-unavailable']]);
    expect(lines).toMatchObject([{ job_id: 'job-1', trace_id: TRACE_ID }]);
  });

  it('of a message that is not a task never comes again', async () => {
    const { said, errorTypes, process } = delivery({ subject: 'callbacks.acme' });
    await process(IDLE);
    expect([said, errorTypes]).toEqual([['term unreadable'], ['message-invalid']]);
    expect(receiver.connections()).toBe(0);
  });

  it.each([101, 199, 300, 304, 400, 404, 500, 599])('that is answered %i is tried again', async (code) => {
    receiver.answer('/hook', (response) => {
      // Written by hand, since `writeHead` refuses some of these statuses.
      response.socket?.end(`HTTP/1.1 ${code} x\r\ncontent-length: 0\r\n\r\n`);
    });
    const { events, errorTypes, process } = delivery();
    await process(IDLE);
    expect(events).toMatchObject([{ kind: 'callback-retrying', error: { code: 'callback-failed' } }]);
    expect(errorTypes).toEqual(['callback-failed']);
  });

  it('that nobody answers says so, and shows nothing of the network', async () => {
    await receiver.stop();
    const { events, process } = delivery();
    await process(IDLE);
    expect(events[0]?.error).toEqual({
      code: 'callback-failed',
      message: 'the receiver cannot be reached',
    });
    receiver = await startCallbackReceiver();
  });
});
