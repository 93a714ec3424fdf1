import type { JetStreamClient, JsMsg } from '@nats-io/jetstream';
import { headers, type MsgHdrs } from '@nats-io/transport-node';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { JobEvent } from '../../../../shared/job/event.ts';
import { CALLBACK_ENDS, type CallbackEnd } from '../../../../shared/wire/callback.ts';
import { readJobEvent } from '../../../../shared/wire/event-message.ts';
import { writeJson } from '../../../../shared/wire/json-body.ts';
import { BrokerRetry } from '../../../../worker-node/broker/broker-retry.ts';
import { StoredPublisher } from '../../../../worker-node/broker/stored-publisher.ts';
import { CallbackQueue } from '../../../../worker-node/callbacks/callback-queue.ts';
import type { Attempt } from '../../../../worker-node/jobs/attempt.ts';
import { conclude } from '../../../../worker-node/jobs/conclude.ts';
import type { JobHistory, Standing } from '../../../../worker-node/jobs/job-history.ts';
import { type AttemptOutcome, runOperation } from '../../../../worker-node/jobs/run-operation.ts';
import { defineOperation } from '../../../../worker-node/operations/operation.ts';
import { reject, retry, retryAfter } from '../../../../worker-node/operations/outcome.ts';
import { attempt, IDLE, quiet } from '../support.ts';

/** JetStream's default `max_payload`, less room for headers. */
const MAX_EVENT_BYTES = 1_000_000;

interface Written {
  readonly to: string;
  readonly event?: JobEvent;
  readonly headers?: MsgHdrs;
  readonly body?: Uint8Array;
}

/** Concludes an attempt against a broker that takes everything, and tells what was written, in order. */
async function concluded(
  outcome: AttemptOutcome,
  of: Attempt = attempt(),
  inbound = headers(),
  standing: Standing = 'ours',
) {
  const written: Written[] = [];
  const jetStream = {
    publish: async (to: string, body: Uint8Array, options: { headers: MsgHdrs }) =>
      void written.push({ to, body, headers: options.headers }),
  } as unknown as JetStreamClient;
  const retry = new BrokerRetry({ log: quiet, patience: IDLE });
  const publisher = new StoredPublisher(jetStream, retry, 'worker-1');
  const callbacks = new CallbackQueue(publisher);
  const parts = { worker: 'worker-1', random: () => 0.5, publisher, callbacks };
  const history = {
    standing: async () => standing,
    record: async (event: JobEvent) => {
      if (standing === 'ours') written.push({ to: `events of ${of.job.address.tenant}`, event });
      return standing;
    },
  } as unknown as JobHistory;
  const message = { data: writeJson({ width: 7 }), headers: inbound } as unknown as JsMsg;
  const { conclusion, settlement } = await conclude(parts, message, of, outcome, history);
  return { conclusion, settlement, written, event: written.at(-1)?.event };
}

const retrying = (minDelayMs: number) =>
  defineOperation({ name: 'echo', input: z.unknown(), retry: { minDelayMs }, run: () => null });

describe('an attempt that came to', () => {
  it('a result is recorded and acknowledged', async () => {
    const end = await concluded({ kind: 'done', result: { sum: 3 } });
    expect(end).toMatchObject({ conclusion: 'succeeded', settlement: { kind: 'ack' } });
    expect(end.written).toHaveLength(1);
    expect(end.event).toMatchObject({
      kind: 'succeeded',
      attempt: 1,
      result: { sum: 3 },
      worker: 'worker-1',
    });
  });

  it.each<[CallbackEnd, AttemptOutcome]>([
    ['succeeded', { kind: 'done', result: 1 }],
    ['failed', reject('no')],
    ['cancelled', { kind: 'cancelled' }],
  ])('an end that a callback is for, %s, is handed over once it is recorded', async (end, outcome) => {
    const of = attempt();
    const job = { ...of.job, callback: { url: 'https://acme.example/', events: [end] } };
    const { written } = await concluded(outcome, { ...of, job });
    expect(written.slice(-2).map(({ to }) => to)).toEqual(['events of acme', 'callbacks.acme.job-1']);
    const task = written.at(-1);
    expect(task?.headers?.get('Nats-Msg-Id')).toBe('job-1:callback');
    expect(task?.headers?.get('throughline-callback-url')).toBe('https://acme.example/');
    expect(readJobEvent(task?.body ?? new Uint8Array())).toEqual(written.at(-2)?.event);
  });

  it.each<[CallbackEnd, AttemptOutcome]>([
    ['succeeded', { kind: 'done', result: 1 }],
    ['failed', retry('busy')],
    ['cancelled', { kind: 'released' }],
  ])('no end that its callback, for %s, is for costs no write', async (end, outcome) => {
    const of = attempt();
    const others = CALLBACK_ENDS.filter((other) => other !== end);
    const job = { ...of.job, callback: { url: 'https://acme.example/', events: others } };
    expect((await concluded(outcome, { ...of, job })).written).toHaveLength(1);
  });

  it('an end that another delivery has recorded brings its message back where there is a callback to see to', async () => {
    const of = attempt();
    const job = { ...of.job, callback: { url: 'https://acme.example/', events: CALLBACK_ENDS } };
    const outcome = { kind: 'done', result: 1 } as const;
    const { settlement, written } = await concluded(outcome, { ...of, job }, headers(), 'over');
    expect(settlement).toEqual({ kind: 'nak', delayMs: 1_000 });
    expect(written).toEqual([]);
    expect((await concluded(outcome, of, headers(), 'over')).settlement).toEqual({ kind: 'ack' });
  });

  it('a cancel is recorded and acknowledged, without a dead letter or another attempt', async () => {
    const end = await concluded({ kind: 'cancelled' });
    expect(end).toMatchObject({ conclusion: 'cancelled', settlement: { kind: 'ack' } });
    expect(end.written).toHaveLength(1);
    expect(end.event).toMatchObject({ kind: 'cancelled', attempt: 1, error: { code: 'job-cancelled' } });
  });

  it('nothing has the result null', async () => {
    expect((await concluded({ kind: 'done', result: undefined })).event).toHaveProperty('result', null);
  });

  it('a failure comes back after a pause that the event tells', async () => {
    const end = await concluded(retry('busy'), attempt({ operation: retrying(1_000) }));
    expect(end).toMatchObject({ conclusion: 'retrying', settlement: { kind: 'nak', delayMs: 500 } });
    expect(end.event).toMatchObject({
      kind: 'retrying',
      retryInMs: 500,
      error: { code: 'operation-failed', message: 'busy' },
    });
  });

  it('a failure backs off further with each attempt', async () => {
    const operation = retrying(1_000);
    const pauses = [1, 2, 3].map(async (number) => {
      const { settlement } = await concluded(retry('busy'), attempt({ operation, number, maxAttempts: 9 }));
      return settlement.kind === 'nak' ? settlement.delayMs : undefined;
    });
    expect(await Promise.all(pauses)).toEqual([500, 1_000, 2_000]);
  });

  it('a time comes back then, without jitter', async () => {
    const end = await concluded(retryAfter(1_234, 'busy'));
    expect(end.settlement).toEqual({ kind: 'nak', delayMs: 1_234 });
  });

  it('a rejection is buried whole first, then recorded, then ended', async () => {
    const inbound = headers();
    inbound.append('traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
    inbound.append('X-Own', 'a');
    inbound.append('X-Own', 'b');
    inbound.append('Nats-Rollup', 'all');
    inbound.append('nats-expected-stream', 'DEAD');
    const end = await concluded(reject('no'), attempt(), inbound);
    expect(end).toMatchObject({
      conclusion: 'failed',
      settlement: { kind: 'term', reason: 'operation-rejected' },
    });
    const [dead, event] = end.written;
    expect([dead?.to, event?.to]).toEqual(['dead.acme.job-1.echo', 'events of acme']);
    expect(dead?.body).toEqual(writeJson({ width: 7 }));
    expect(dead?.headers?.values('X-Own')).toEqual(['a', 'b']);
    expect(dead?.headers?.get('traceparent')).toMatch(/^00-4bf92f/);
    expect(dead?.headers?.keys().filter((name) => /^nats-/i.test(name))).toEqual(['Nats-Msg-Id']);
    expect(dead?.headers?.get('Nats-Msg-Id')).toBe('job-1:dead');
    expect(dead?.headers?.get('throughline-dead-reason')).toBe('operation-rejected');
    expect(dead?.headers?.get('throughline-dead-attempts')).toBe('1');
    expect(event?.event).toMatchObject({
      kind: 'failed',
      error: { code: 'operation-rejected', message: 'no' },
    });
  });

  it.each([
    ['retry', retry('busy')],
    ['retryAfter', retryAfter(5, 'busy')],
  ] as const)('%s after the last attempt is a failure', async (_what, outcome) => {
    const end = await concluded(outcome, attempt({ number: 3 }));
    expect(end).toMatchObject({ conclusion: 'failed', settlement: { kind: 'term' } });
    expect(end.written[0]?.to).toBe('dead.acme.job-1.echo');
  });

  it('a stop of the worker goes back at once, and costs no attempt', async () => {
    const end = await concluded({ kind: 'released' }, attempt({ number: 3, released: 1 }));
    expect(end).toMatchObject({ conclusion: 'released', settlement: { kind: 'nak', delayMs: 0 } });
    expect(end.event).toMatchObject({ kind: 'released', attempt: 2, released: 2 });
  });

  it.each<[string, () => unknown]>([
    [
      'an error with a page of text',
      () => {
        throw new Error('x'.repeat(2_000_000));
      },
    ],
    ['a rejection with a page of text', () => reject('x'.repeat(2_000_000))],
    ['a retry with a page of text', () => retry('x'.repeat(2_000_000))],
  ])('%s makes an event that the broker takes', async (_what, run) => {
    const operation = defineOperation({ name: 'echo', input: z.unknown(), run });
    const options = { stop: IDLE, cancelled: IDLE, log: quiet, onProgress: () => undefined };
    const { event } = await concluded(await runOperation(operation, attempt(), options));
    expect(writeJson(event).length).toBeLessThan(MAX_EVENT_BYTES);
  });

  it('an input with ten thousand faults makes an event that the broker takes', async () => {
    const operation = defineOperation({ name: 'echo', input: z.array(z.string()), run: () => null });
    const options = { stop: IDLE, cancelled: IDLE, log: quiet, onProgress: () => undefined };
    const input = Array.from({ length: 60_000 }, (_, index) => index);
    const { event } = await concluded(await runOperation(operation, attempt({ input }), options));
    expect(writeJson(event).length).toBeLessThan(MAX_EVENT_BYTES);
  });

  it('a delay that is no number makes an event that can be read', async () => {
    const { event } = await concluded(retryAfter(Number.NaN, 'busy'));
    expect(readJobEvent(writeJson(event))).toMatchObject({ kind: 'retrying' });
  });

  it.each<[string, AttemptOutcome]>([
    ['a result', { kind: 'done', result: 1 }],
    ['a failure', retry('busy')],
    ['a last failure', reject('no')],
    ['a stop', { kind: 'released' }],
    ['a cancel', { kind: 'cancelled' }],
    ['nothing', { kind: 'superseded' }],
  ])(
    '%s after the job’s end leaves that end alone, and takes the message off the queue (W4)',
    async (_what, outcome) => {
      const end = await concluded(outcome, attempt(), headers(), 'over');
      expect(end).toMatchObject({ conclusion: 'duplicate', settlement: { kind: 'ack' }, written: [] });
    },
  );

  it.each<[string, AttemptOutcome]>([
    ['a failure', retry('busy')],
    ['a stop', { kind: 'released' }],
    ['nothing', { kind: 'superseded' }],
  ])(
    '%s of a job that another delivery goes on with says nothing to the broker (W4)',
    async (_what, outcome) => {
      const end = await concluded(outcome, attempt(), headers(), "another's");
      expect(end).toMatchObject({ conclusion: 'superseded', settlement: { kind: 'none' }, written: [] });
    },
  );
});
