import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createApiKey, hashApiKey } from '../../shared/api-key.ts';
import { CallbackEvent, isCallbackEvent } from '../../shared/callback-event.ts';
import { createCallbackSecret } from '../../shared/callback-secret.ts';
import { isTerminalEvent } from '../../shared/event.ts';
import type { HistoryEvent } from '../../shared/event-record.ts';
import { Job } from '../../shared/job.ts';
import {
  type CallbackReceiver,
  inTurn,
  type Received,
  startCallbackReceiver,
  status,
  verified,
} from '../support/callback-receiver.ts';
import { until } from '../support/poll.ts';
import { startTestStack, type TestStack, withTestStack } from '../support/stack.ts';

const MAX_ATTEMPTS = 4;
const TIMEOUT_MS = 700;
const SECRETS = [createCallbackSecret(), createCallbackSecret()] as const;
const UNSIGNED_KEY = createApiKey('unsigned');
const KEY = createApiKey('demo');

let stack: TestStack;
let receiver: CallbackReceiver;
let directory: string;
let nats: NatsConnection;

const settings = (opened: string): Record<string, string> => ({
  WORKER_ACK_WAIT_MS: '1500',
  CALLBACK_ALLOW: opened,
  CALLBACK_MAX_ATTEMPTS: String(MAX_ATTEMPTS),
  CALLBACK_RETRY_MIN_MS: '40',
  CALLBACK_RETRY_MAX_MS: '200',
  CALLBACK_TIMEOUT_MS: String(TIMEOUT_MS),
});

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'throughline-callbacks-'));
  receiver = await startCallbackReceiver();
  const keys = [
    { id: 'demo', tenant: 'demo', hash: await hashApiKey(KEY) },
    { id: 'unsigned', tenant: 'unsigned', hash: await hashApiKey(UNSIGNED_KEY) },
  ];
  stack = await startTestStack({
    operationsFolder: 'test/fixtures/operations',
    edge: { API_KEYS: JSON.stringify(keys) },
    worker: {
      ...settings(receiver.origin),
      CALLBACK_SECRET: '',
      CALLBACK_SECRETS: JSON.stringify({ demo: SECRETS }),
    },
  });
  nats = await connect({ servers: stack.nats.url });
});
afterAll(async () => {
  await nats.close();
  await stack.stop();
  await receiver.stop();
  await rm(directory, { recursive: true, force: true });
});

const asDemo = { authorization: `Bearer ${KEY}` };

async function submit(
  body: Record<string, unknown>,
  more: Record<string, string> = asDemo,
  on = stack,
): Promise<Job> {
  const response = await on.submit({ operation: 'echo', input: 1, ...body }, more);
  const answered: unknown = await response.json();
  if (response.status > 202) throw new Error(`${response.status} ${JSON.stringify(answered)}`);
  return Job.parse(answered);
}

/** The callback of a test of its own. */
const to = (place: string, more: Record<string, unknown> = {}) => ({
  callback: { url: `${receiver.origin}${place}`, ...more },
});

async function read(id: string, more = asDemo, on = stack): Promise<Job> {
  return Job.parse(await (await on.call(`/v1/jobs/${id}`, { headers: more })).json());
}

async function history(id: string, query = '', more = asDemo, on = stack): Promise<HistoryEvent[]> {
  const response = await on.call(`/v1/jobs/${id}/events${query}`, { headers: more });
  return ((await response.json()) as { events: HistoryEvent[] }).events;
}

/** What became of a job's callbacks, once the last of them is told and has come to an end. */
function callbacksOf(id: string, ends = 1, more = asDemo, on = stack): Promise<CallbackEvent[]> {
  return until(`the callback of ${id} to end`, async () => {
    const events = (await history(id, '', more, on)).filter(isCallbackEvent);
    const over = events.filter(({ kind }) => kind !== 'callback-retrying');
    return over.length >= ends && events.map((event) => CallbackEvent.parse(event));
  });
}

function arrived(place: string, count = 1, on = receiver): Promise<readonly Received[]> {
  return until(`${count} callbacks at ${place}`, () => on.at(place).length >= count && on.at(place));
}

interface CloudEvent {
  readonly [attribute: string]: unknown;
  readonly data: Job;
}
const cloudEvent = ({ body }: Received): CloudEvent => JSON.parse(body);

describe('a callback', () => {
  it("tells a job's end as a signed CloudEvent, within the job's trace", async () => {
    const sent = await submit(to('/one?token=canary'), {
      ...asDemo,
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      tracestate: 'vendor=secret',
      baggage: 'user=ann',
    });
    const [received] = await arrived('/one');
    if (received === undefined) throw new Error('nothing came');
    const [event] = await callbacksOf(sent.id);
    expect(await verified(received, SECRETS[0])).toEqual([true, false]);
    expect(await verified(received, SECRETS[1])).toEqual([false, true]);

    const { attempts, ...job } = await read(sent.id);
    expect(received.headers).toMatchObject({
      'content-type': 'application/cloudevents+json',
      'webhook-id': `${sent.id}:end`,
    });
    expect(cloudEvent(received)).toEqual({
      specversion: '1.0',
      id: `${sent.id}:end`,
      source: '/throughline',
      type: 'dev.throughline.job.succeeded',
      time: job.finishedAt,
      subject: sent.id,
      datacontenttype: 'application/json',
      traceparent: expect.any(String),
      data: job,
    });

    const spans = await stack.collector.waitForSpans(
      sent.traceId,
      (all) =>
        all.some(({ name }) => name === 'send callback') && all.some(({ name }) => name === 'process echo'),
      10_000,
    );
    const delivery = spans.find(({ name }) => name === 'send callback');
    const process = spans.find(({ name }) => name === 'process echo');
    expect(delivery).toMatchObject({
      kind: 'CLIENT',
      service: 'throughline-worker',
      parentSpanId: process?.spanId,
    });
    expect(delivery?.attributes).toMatchObject({
      'http.response.status_code': 204,
      'throughline.callback.outcome': 'delivered',
    });
    expect(received.headers.traceparent).toBe(`00-${sent.traceId}-${delivery?.spanId}-01`);
    expect(cloudEvent(received).traceparent).toBe(`00-${sent.traceId}-${process?.spanId}-01`);
    // What is between the caller and us stays there, and no instrumentation speaks for us.
    expect(received.headers).not.toHaveProperty('tracestate');
    expect(received.headers).not.toHaveProperty('baggage');
    expect(spans.filter(({ parentSpanId }) => parentSpanId === delivery?.spanId)).toEqual([]);

    expect(event).toMatchObject({
      kind: 'callback-delivered',
      jobId: sent.id,
      url: `${receiver.origin}/one`,
      attempt: 1,
      status: 204,
      traceId: sent.traceId,
      spanId: delivery?.spanId,
    });
    const lines = stack.logs().filter(({ msg }) => msg === 'callback delivered');
    expect(lines.find(({ job_id }) => job_id === sent.id)).toMatchObject({ trace_id: sent.traceId });
    expect(JSON.stringify(lines)).not.toContain('canary');
  });

  it("is seen in the job's events and has no say in its state", async () => {
    const sent = await submit(to('/seen'));
    await callbacksOf(sent.id);
    const events = await history(sent.id);
    expect(events.map(({ kind }) => kind)).toEqual(['started', 'succeeded', 'callback-delivered']);
    expect(await read(sent.id)).toMatchObject({ state: 'succeeded', attempts: [{ outcome: 'succeeded' }] });
    const listed = (await (await stack.call('/v1/jobs?limit=100', { headers: asDemo })).json()) as {
      complete: boolean;
      jobs: Job[];
    };
    expect(listed.complete).toBe(true);
    expect(listed.jobs.find(({ id }) => id === sent.id)?.state).toBe('succeeded');
    expect((await history(sent.id, `?after=${events[1]?.id}`)).map(({ kind }) => kind)).toEqual([
      'callback-delivered',
    ]);

    const stream = async (after: string): Promise<{ status: number; kinds: string[] }> => {
      const response = await stack.call(`/v1/jobs/${sent.id}/events?after=${after}`, {
        headers: { ...asDemo, accept: 'text/event-stream' },
      });
      const text = await response.text();
      return {
        status: response.status,
        kinds: [...text.matchAll(/^event: (.*)$/gm)].map(([, kind = '']) => kind),
      };
    };
    expect((await stream('')).kinds).toEqual(['started', 'succeeded', 'callback-delivered']);
    expect((await stream(events[1]?.id ?? '')).kinds).toEqual(['callback-delivered']);
    expect(await stream(events[2]?.id ?? '')).toEqual({ status: 204, kinds: [] });
  });

  it('that is not accepted comes again, the same text under the same id, and follows no redirect', async () => {
    receiver.answer('/again', inTurn(status(500), status(302, { location: '/elsewhere' }), status(200)));
    const sent = await submit(to('/again'));
    const events = await callbacksOf(sent.id);
    expect(events).toMatchObject([
      { kind: 'callback-retrying', attempt: 1, status: 500, error: { code: 'callback-failed' } },
      { kind: 'callback-retrying', attempt: 2, status: 302, retryInMs: expect.any(Number) },
      { kind: 'callback-delivered', attempt: 3, status: 200 },
    ]);
    const all = receiver.at('/again');
    expect(all).toHaveLength(3);
    expect(new Set(all.map(({ body }) => body)).size).toBe(1);
    expect(new Set(all.map((one) => one.headers['webhook-id'])).size).toBe(1);
    // Each delivery is a span of its own.
    expect(new Set(all.map((one) => one.headers.traceparent)).size).toBe(3);
    for (const one of all) expect(await verified(one, SECRETS[0])).toContain(true);
    expect(receiver.at('/elsewhere')).toEqual([]);
  });

  it('is given up when its attempts are spent', async () => {
    receiver.answer('/never', status(500));
    const sent = await submit(to('/never'));
    const events = await callbacksOf(sent.id);
    expect(events).toHaveLength(MAX_ATTEMPTS);
    expect(events.at(-1)).toMatchObject({ kind: 'callback-failed', attempt: MAX_ATTEMPTS, status: 500 });
    expect(receiver.at('/never')).toHaveLength(MAX_ATTEMPTS);
    expect((await read(sent.id)).state).toBe('succeeded');
    await until('the queue to be empty', async () => (await pending()) === 0);
  });

  it('is given up at once when its receiver is gone', async () => {
    receiver.answer('/gone', status(410));
    const sent = await submit(to('/gone'));
    expect(await callbacksOf(sent.id)).toMatchObject([
      { kind: 'callback-failed', attempt: 1, status: 410, error: { code: 'callback-gone' } },
    ]);
  });

  it('waits as long as its receiver asks, within bounds', async () => {
    receiver.answer('/busy', inTurn(status(503, { 'retry-after': '3600' }), status(204)));
    const sent = await submit(to('/busy'));
    expect(await callbacksOf(sent.id)).toMatchObject([{ status: 503, retryInMs: 200 }, { status: 204 }]);
  });

  it('waits for no answer that does not come, and reads none that does not end', async () => {
    receiver.answer(
      '/slow',
      inTurn(() => undefined, status(204)),
    );
    const closed = Promise.withResolvers<void>();
    receiver.answer('/endless', (response) => {
      response.on('close', closed.resolve).writeHead(200);
      const chunk = Buffer.alloc(64 * 1024, 0x2e);
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', more);
      more();
    });
    const [slow, endless] = [await submit(to('/slow')), await submit(to('/endless'))];
    expect(await callbacksOf(slow.id)).toMatchObject([
      { kind: 'callback-retrying', error: { message: `no answer within ${TIMEOUT_MS} ms` } },
      { kind: 'callback-delivered', attempt: 2 },
    ]);
    expect(await callbacksOf(endless.id)).toMatchObject([{ kind: 'callback-delivered', status: 200 }]);
    await closed.promise;
  });

  it('comes for the chosen ends only', async () => {
    const none = await submit({ ...to('/chosen', { events: ['failed', 'cancelled'] }), input: 'none' });
    await until('its end', async () => (await read(none.id)).finishedAt !== undefined);
    const some = await submit({ ...to('/chosen', { events: ['succeeded'] }), input: 'some' });
    await callbacksOf(some.id);
    expect(receiver.at('/chosen').map((one) => cloudEvent(one).data.result)).toEqual(['some']);
    expect((await history(none.id)).filter(isCallbackEvent)).toEqual([]);
  });

  it('comes for each job of a batch', async () => {
    const jobs = ['a', 'b'].map((input) => ({ operation: 'echo', input, ...to('/batch') }));
    const response = await stack.call('/v1/jobs/batch', {
      method: 'POST',
      headers: { ...asDemo, 'content-type': 'application/json' },
      body: JSON.stringify({ jobs }),
    });
    expect(response.status).toBe(207);
    const all = await arrived('/batch', 2);
    expect(all.map((one) => cloudEvent(one).data.result).sort()).toEqual(['a', 'b']);
  });

  it('tells of a dead job, and of each round of it', async () => {
    const gate = path.join(directory, 'gate');
    await writeFile(gate, '');
    const input = { mode: 'fail-while', gate };
    const sent = await submit({ operation: 'test.mode', input, maxAttempts: 1, ...to('/dead') });
    await callbacksOf(sent.id);
    await rm(gate);
    const redriven = await stack.call(`/v1/dead-letters/${sent.id}/redrive`, {
      method: 'POST',
      headers: asDemo,
    });
    expect(redriven.status).toBe(202);
    const { traceId } = Job.parse(await redriven.json());
    const events = await callbacksOf(sent.id, 2);
    expect(events.map(({ kind, round }) => [kind, round])).toEqual([
      ['callback-delivered', undefined],
      ['callback-delivered', 1],
    ]);
    const [first, second] = receiver.at('/dead').map(cloudEvent);
    expect(first).toMatchObject({
      id: `${sent.id}:end`,
      type: 'dev.throughline.job.failed',
      data: { state: 'failed', error: { code: 'operation-failed' } },
    });
    expect(second).toMatchObject({
      id: `${sent.id}:end:1`,
      type: 'dev.throughline.job.succeeded',
      data: { state: 'succeeded', previousTraceIds: [sent.traceId] },
    });
    expect(events[1]?.traceId).toBe(traceId);
    expect(
      (await history(sent.id)).filter((event) => !isCallbackEvent(event) && isTerminalEvent(event)),
    ).toHaveLength(2);
  });

  it('tells of a delayed job that is cancelled, and of one that runs', async () => {
    const later = await submit({ delay: '1h', ...to('/delayed') });
    const cancelled = await stack.call(`/v1/jobs/${later.id}`, { method: 'DELETE', headers: asDemo });
    expect(cancelled.status).toBe(200);
    const [event] = await callbacksOf(later.id);
    const [received] = await arrived('/delayed');
    expect(received && cloudEvent(received)).toMatchObject({
      type: 'dev.throughline.job.cancelled',
      data: { id: later.id },
    });
    expect(event?.traceId).toBe(later.traceId);
    const soon = await submit({ delay: '10ms', ...to('/soon') });
    await callbacksOf(soon.id);
    expect(receiver.at('/soon')).toHaveLength(1);
  });

  it('is part of the request that an idempotency key stands for', async () => {
    const key = { ...asDemo, 'idempotency-key': 'callbacks-1' };
    const one = await submit(to('/key'), key);
    expect((await submit(to('/key'), key)).id).toBe(one.id);
    const other = await stack.submit({ operation: 'echo', input: 1, ...to('/other-key') }, key);
    expect(other.status).toBe(422);
  });

  it('is not sent where there is no secret to sign it with', async () => {
    const asUnsigned = { authorization: `Bearer ${UNSIGNED_KEY}` };
    const sent = await submit(to('/unsigned'), asUnsigned);
    expect(await callbacksOf(sent.id, 1, asUnsigned)).toMatchObject([
      { kind: 'callback-failed', attempt: 1, error: { code: 'callback-unsigned' } },
    ]);
    expect(receiver.at('/unsigned')).toEqual([]);
  });

  it('is counted', async () => {
    await callbacksOf((await submit(to('/counted'))).id);
    const text = await (await fetch(`${stack.worker.healthUrl}/metrics`)).text();
    expect(text).toMatch(/^throughline_callbacks_total\{outcome="delivered"[^}]*\} [1-9]/m);
  });
});

/** Callback tasks that are not settled. */
async function pending(): Promise<number> {
  return (await (await jetstreamManager(nats)).streams.info('CALLBACKS')).state.messages;
}

describe('a target that is not open', () => {
  it.each<[string, (port: string) => string]>([
    ['plain http', (port) => `http://127.0.0.1:${port}/`],
    ['loopback', (port) => `https://127.0.0.1:${port}/`],
    ['loopback in short', (port) => `https://127.1:${port}/`],
    ['loopback as a number', (port) => `https://2130706433:${port}/`],
    ['a name that leads to loopback', (port) => `https://localhost:${port}/`],
    ['loopback inside IPv6', (port) => `https://[::ffff:127.0.0.1]:${port}/`],
  ])('is not even connected to: %s', async (_what, urlOf) => {
    const closed = await startCallbackReceiver();
    onTestFinished(() => closed.stop());
    const sent = await submit({ callback: { url: urlOf(new URL(closed.origin).port) } });
    expect(await callbacksOf(sent.id)).toMatchObject([
      { kind: 'callback-failed', attempt: 1, error: { code: 'target-refused' } },
    ]);
    expect(closed.connections()).toBe(0);
  });
});

describe('a message published by hand', () => {
  const publish = async (id: string, url: string, body: string): Promise<Job> => {
    const messageHeaders = headers();
    messageHeaders.set('Throughline-Callback-Url', url);
    await jetstream(nats).publish(`jobs.demo.${id}.echo`, body, { headers: messageHeaders });
    return await until('its end', async () => {
      const response = await stack.call(`/v1/jobs/${id}`, { headers: asDemo });
      const job = response.status === 200 ? Job.parse(await response.json()) : undefined;
      return job?.finishedAt !== undefined && job;
    });
  };

  it('may ask for a callback, even where its input cannot be read', async () => {
    expect((await publish('by-hand', `${receiver.origin}/hand`, 'no JSON')).state).toBe('failed');
    const [received] = await arrived('/hand');
    expect(received && cloudEvent(received).data.error).toMatchObject({ code: 'message-invalid' });
  });

  it('runs without a callback where that cannot be read, which is logged', async () => {
    expect(await publish('rubbish', 'gopher://x/', '1')).toMatchObject({ state: 'succeeded' });
    await until('the warning', () =>
      stack
        .logs()
        .some(({ msg, job_id }) => job_id === 'rubbish' && String(msg).startsWith('callback cannot be read')),
    );
  });

  it('that is no task is taken off the queue of callbacks', async () => {
    await jetstream(nats).publish('callbacks.demo.nonsense', 'rubbish');
    await until('the queue to be empty', async () => (await pending()) === 0);
  });
});

describe('a callback survives', () => {
  it('the outbox: of a job that is sent later, and of one that is cancelled there', async () => {
    const own = await withTestStack({ worker: settings(receiver.origin) });
    const none = {} as typeof asDemo;
    await own.run('echo', 'before');
    await own.nats.kill('SIGKILL');
    const kept = await submit(to('/kept'), none, own);
    const cancelled = await submit(to('/unsent'), none, own);
    expect([kept.durability, cancelled.durability]).toEqual(['outbox', 'outbox']);
    expect((await own.call(`/v1/jobs/${cancelled.id}`, { method: 'DELETE' })).status).toBe(200);
    await own.nats.restart();
    const [sent] = await arrived('/kept');
    const [unsent] = await arrived('/unsent');
    expect(sent && cloudEvent(sent).data).toMatchObject({ id: kept.id, state: 'succeeded' });
    expect(unsent && cloudEvent(unsent).data).toMatchObject({
      ...{ id: cancelled.id, state: 'cancelled', traceId: cancelled.traceId },
    });
    const [event] = await callbacksOf(cancelled.id, 1, none, own);
    expect(event?.traceId).toBe(cancelled.traceId);
  });

  it('its worker: killed, stopped, and kept from storing it', async () => {
    const effects = path.join(directory, 'effects');
    const own = await withTestStack({
      operationsFolder: 'test/fixtures/operations',
      worker: {
        ...settings(receiver.origin),
        CALLBACK_TIMEOUT_MS: '30000',
        WORKER_STOP_TIMEOUT_MS: '100',
        WORKER_CONCURRENCY: '1',
      },
    });
    const none = {} as typeof asDemo;

    // Killed while its receiver thinks.
    receiver.answer(
      '/killed',
      inTurn(() => undefined, status(204)),
    );
    const first = await submit(to('/killed'), none, own);
    await arrived('/killed');
    await own.worker.kill('SIGKILL');
    const second = await own.addWorker();
    const [unanswered, delivered] = await arrived('/killed', 2);
    expect(delivered?.headers['webhook-id']).toBe(unanswered?.headers['webhook-id']);
    expect(await callbacksOf(first.id, 1, none, own)).toMatchObject([
      { kind: 'callback-delivered', attempt: 2 },
    ]);

    // Stopped while its receiver thinks: handed back, not left to the acknowledgement wait.
    receiver.answer(
      '/stopped',
      inTurn(() => undefined, status(204)),
    );
    const stopped = await submit(to('/stopped'), none, own);
    await arrived('/stopped');
    await Promise.all([own.addWorker(), second.stop()]);
    await arrived('/stopped', 2);
    expect(own.logs().some(({ msg }) => msg === 'callback handed back')).toBe(true);
    expect(await callbacksOf(stopped.id, 1, none, own)).toMatchObject([{ kind: 'callback-delivered' }]);

    // A queued job that is cancelled: no worker ever has it.
    const front = await submit({ operation: 'test.mode', input: { mode: 'hang' } }, none, own);
    await until('it to run', async () => (await read(front.id, none, own)).state === 'running');
    const queued = await submit(to('/cancelled'), none, own);
    expect((await own.call(`/v1/jobs/${queued.id}`, { method: 'DELETE' })).status).toBe(200);
    const [cancelled] = await arrived('/cancelled');
    expect(cancelled && (await verified(cancelled, own.callbackSecret))).toEqual([true]);
    expect(cancelled && cloudEvent(cancelled)).toMatchObject({
      data: { state: 'cancelled', traceId: queued.traceId },
    });
    await own.call(`/v1/jobs/${front.id}`, { method: 'DELETE' });

    // The broker does not take the task: the job is not settled before it does, and is not run again.
    const connection = await connect({ servers: own.nats.url });
    onTestFinished(() => connection.close());
    const manager = await jetstreamManager(connection);
    await manager.streams.update('CALLBACKS', { max_bytes: 1 });
    const input = { mode: 'done', effects };
    const unsettled = await submit({ operation: 'test.mode', input, ...to('/unsettled') }, none, own);
    await until('the failure', () =>
      own.logs().some(({ msg }) => String(msg).startsWith('the broker fails')),
    );
    await manager.streams.update('CALLBACKS', { max_bytes: -1 });
    await arrived('/unsettled');
    expect(await callbacksOf(unsettled.id, 1, none, own)).toMatchObject([{ kind: 'callback-delivered' }]);
    expect(await readFile(effects, 'utf8')).toBe(`${unsettled.id} 1\n`);
  });
});
