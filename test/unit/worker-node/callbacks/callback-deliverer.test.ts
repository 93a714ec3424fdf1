import { headers } from '@nats-io/transport-node';
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CallbackSecrets } from '../../../../shared/callback-secrets.ts';
import type { CallbackEvent } from '../../../../shared/job/callback-event.ts';
import { createCallbackSecret } from '../../../../shared/text/secret.ts';
import { writeCallbackTask } from '../../../../shared/wire/callback-task.ts';
import { writeJson } from '../../../../shared/wire/json-body.ts';
import type { Ack } from '../../../../worker-node/broker/consume/delivery.ts';
import { CallbackDeliverer } from '../../../../worker-node/callbacks/callback-deliverer.ts';
import { TargetGuard } from '../../../../worker-node/callbacks/target-guard.ts';
import { workerConfig } from '../../../../worker-node/config.ts';
import { OpenAddresses } from '../../../../worker-node/operations/targets/addresses.ts';
import {
  type CallbackReceiver,
  startCallbackReceiver,
  status,
} from '../../../support/http/callback-receiver.ts';
import { until } from '../../../support/poll.ts';
import { delivery as fakeDelivery, IDLE, quiet, SUCCEEDED } from '../support.ts';

const MAX_ATTEMPTS = 3;
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
function delivery(deliveryCount: number, { recordFails = false, subject = 'callbacks.acme.job-1' } = {}) {
  const said: string[] = [];
  const events: CallbackEvent[] = [];
  const outcomes: string[] = [];
  const messageHeaders = headers();
  const task = { tenant: 'acme', url: `${receiver.origin}/hook?key=canary`, event: SUCCEEDED };
  writeCallbackTask(task, '/throughline/bridge', {}, (name, value) => messageHeaders.set(name, value));
  const message = fakeDelivery({
    subject,
    headers: messageHeaders,
    data: writeJson(SUCCEEDED),
    deliveryCount,
    working: () => void said.push('working'),
    settle: (ack) => void said.push(textOf(ack)),
  });
  const record = async (_tenant: string, event: CallbackEvent): Promise<void> => {
    if (recordFails) throw new Error('no broker');
    events.push(event);
  };
  const deliverer = new CallbackDeliverer({
    guard: new TargetGuard(receiver.origin, new OpenAddresses('')),
    secrets: new CallbackSecrets(workerConfig({ CALLBACK_SECRET: createCallbackSecret() })),
    callbacks: { record },
    schedule: { maxAttempts: MAX_ATTEMPTS, minDelayMs: 100, maxDelayMs: 1_000 },
    timeoutMs: 5_000,
    ackWaitMs: 30,
    metrics: { callbackSettled: (outcome) => void outcomes.push(outcome) },
    log: quiet,
    worker: 'host-1',
    tracing: false,
    random: () => 0.5,
  });
  return { said, events, outcomes, process: (stop: AbortSignal) => deliverer.process(message, stop) };
}

describe('the delivery of a callback', () => {
  it('keeps its task alive until the receiver answers, and records the URL without its query', async () => {
    const { said, events, outcomes, process } = delivery(1);
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

  it('carries trace ids although no spans are recorded', async () => {
    const { events, process } = delivery(1);
    await process(IDLE);
    const [event] = events;
    expect(receiver.at('/hook')[0]?.headers.traceparent).toBe(`00-${event?.traceId}-${event?.spanId}-02`);
  });

  it.each([
    [1, 'nak 75', 'callback-retrying'],
    [MAX_ATTEMPTS, 'term callback-failed', 'callback-failed'],
    // A delivery that a stopping worker handed back counts as an attempt. The last POST is sent all the same.
    [MAX_ATTEMPTS + 1, 'term callback-failed', 'callback-failed'],
  ])('number %i, when refused, ends with: %s', async (count, ack, kind) => {
    receiver.answer('/hook', status(500));
    const { said, events, process } = delivery(count);
    await process(IDLE);
    expect(said.filter((word) => word !== 'working')).toEqual([ack]);
    expect(events).toMatchObject([{ kind, status: 500 }]);
    expect(receiver.at('/hook')).toHaveLength(1);
  });

  it('that never came to an end is given up without another POST POST', async () => {
    const { said, events, process } = delivery(3 * MAX_ATTEMPTS + 1);
    await process(IDLE);
    expect(said).toEqual(['term attempts-spent']);
    expect(events).toMatchObject([{ kind: 'callback-failed', error: { code: 'attempts-spent' } }]);
    expect(receiver.connections()).toBe(0);
  });

  it('is handed back immediately if the worker stops, before the POST or during it', async () => {
    const before = delivery(1);
    await before.process(AbortSignal.abort());
    expect(receiver.connections()).toBe(0);
    const stop = new AbortController();
    receiver.answer('/hook', () => stop.abort());
    const midst = delivery(1);
    await midst.process(stop.signal);
    for (const { said, events, outcomes } of [before, midst]) {
      expect(said.filter((word) => word !== 'working')).toEqual(['nak 0']);
      expect([events, outcomes]).toEqual([[], ['released']]);
    }
  });

  it('that cannot be recorded comes again', async () => {
    const { said, outcomes, process } = delivery(1, { recordFails: true });
    await process(IDLE);
    expect(said.filter((word) => word !== 'working')).toEqual(['nak 2000']);
    expect(outcomes).toEqual(['unsettled']);
  });

  it('of a message that is not a task never comes again', async () => {
    const { said, process } = delivery(1, { subject: 'callbacks.acme' });
    await process(IDLE);
    expect(said).toEqual(['term unreadable']);
    expect(receiver.connections()).toBe(0);
  });

  it.each([101, 199, 300, 304, 400, 404, 500, 599])('that is answered %i is tried again', async (code) => {
    receiver.answer('/hook', (response) => {
      // Written by hand, since `writeHead` refuses some of these statuses.
      response.socket?.end(`HTTP/1.1 ${code} x\r\ncontent-length: 0\r\n\r\n`);
    });
    const { events, process } = delivery(1);
    await process(IDLE);
    expect(events).toMatchObject([{ kind: 'callback-retrying', error: { code: 'callback-failed' } }]);
  });

  it('that nobody answers says so, and shows nothing of the network', async () => {
    await receiver.stop();
    const { events, process } = delivery(1);
    await process(IDLE);
    expect(events[0]?.error).toEqual({
      code: 'callback-failed',
      message: 'the receiver cannot be reached',
    });
    receiver = await startCallbackReceiver();
  });
});
