import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { jetstream } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { JobPage } from '../../../shared/api/answers/job-list.ts';
import { Job } from '../../../shared/job/job.ts';
import { isCallbackEvent, isTerminalEvent } from '../../../shared/job/job-state.ts';
import { shortName } from '../../../shared/trace/short-name.ts';
import { asDemo, CallbackSystem, cloudEvent, SECRETS } from '../../support/callbacks.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { bodyOf } from '../../support/http/answers.ts';
import { startCallbackReceiver, verified } from '../../support/http/callback-receiver.ts';
import { metricOf } from '../../support/http/metrics.ts';
import { until } from '../../support/poll.ts';

let system: CallbackSystem;
beforeAll(async () => {
  system = await CallbackSystem.start();
});

describe('a callback', () => {
  it("reports a job's end as a signed CloudEvent, in the job's trace", async () => {
    const sent = await system.submit(system.to('/one?token=canary'), {
      ...asDemo,
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      tracestate: 'vendor=secret',
      baggage: 'user=ann',
    });
    const [received] = await system.arrived('/one');
    if (received === undefined) throw new Error('nothing came');
    const [event] = await system.callbacksOf(sent.id);
    expect(await verified(received, SECRETS[0])).toEqual([true, false]);
    expect(await verified(received, SECRETS[1])).toEqual([false, true]);

    const { attempts, ...job } = await system.read(sent.id);
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
      tenant: 'demo',
      audience: system.receiver.origin,
      traceparent: expect.any(String),
      data: job,
    });

    const spans = await system.stack.collector.waitForSpans(
      sent.traceId,
      (all) =>
        all.some((span) => shortName(span) === 'POST callback') &&
        all.some((span) => shortName(span) === 'process echo'),
      60_000,
    );
    const delivery = spans.find((span) => shortName(span) === 'POST callback');
    const process = spans.find((span) => shortName(span) === 'process echo');
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
    // tracestate and baggage are not passed on, and no instrumentation adds a span.
    expect(received.headers).not.toHaveProperty('tracestate');
    expect(received.headers).not.toHaveProperty('baggage');
    expect(spans.filter(({ parentSpanId }) => parentSpanId === delivery?.spanId)).toEqual([]);

    expect(event).toMatchObject({
      kind: 'callback-delivered',
      jobId: sent.id,
      url: `${system.receiver.origin}/one`,
      attempt: 1,
      status: 204,
      traceId: sent.traceId,
      spanId: delivery?.spanId,
    });
    const lines = await system.stack.logged(
      ({ job_id, msg }) => job_id === sent.id && msg === 'callback delivered',
    );
    expect(lines).toMatchObject([{ trace_id: sent.traceId }]);
    expect(JSON.stringify(lines)).not.toContain('canary');
  });

  it("shows in the job's events, and does not change its state", async () => {
    const sent = await system.submit(system.to('/seen'));
    await system.callbacksOf(sent.id);
    const events = await system.history(sent.id);
    expect(events.map(({ kind }) => kind)).toEqual(['started', 'succeeded', 'callback-delivered']);
    expect(await system.read(sent.id)).toMatchObject({
      state: 'succeeded',
      attempts: [{ outcome: 'succeeded' }],
    });
    const listed = await bodyOf(JobPage, system.stack.call('/v1/jobs?limit=100', { headers: asDemo }));
    expect(listed.complete).toBe(true);
    expect(listed.jobs.find(({ id }) => id === sent.id)?.state).toBe('succeeded');
    expect((await system.history(sent.id, `?after=${events[1]?.id}`)).map(({ kind }) => kind)).toEqual([
      'callback-delivered',
    ]);

    const stream = async (after?: string): Promise<{ status: number; kinds: string[] }> => {
      const response = await system.stack.call(
        `/v1/jobs/${sent.id}/events${after === undefined ? '' : `?after=${after}`}`,
        {
          headers: { ...asDemo, accept: 'text/event-stream' },
        },
      );
      const text = await response.text();
      return {
        status: response.status,
        kinds: [...text.matchAll(/^event: (.*)$/gm)].map(([, kind = '']) => kind),
      };
    };
    expect((await stream()).kinds).toEqual(['started', 'succeeded', 'callback-delivered']);
    expect((await stream(events[1]?.id ?? '')).kinds).toEqual(['callback-delivered']);
    expect(await stream(events[2]?.id ?? '')).toEqual({ status: 204, kinds: [] });
  });

  it('comes for the chosen ends only', async () => {
    const none = await system.submit({
      ...system.to('/chosen', { events: ['failed', 'cancelled'] }),
      input: 'none',
    });
    await until('its end', async () => (await system.read(none.id)).finishedAt !== undefined);
    const some = await system.submit({ ...system.to('/chosen', { events: ['succeeded'] }), input: 'some' });
    await system.callbacksOf(some.id);
    expect(system.receiver.at('/chosen').map((one) => cloudEvent(one).data.result)).toEqual(['some']);
    expect((await system.history(none.id)).filter(isCallbackEvent)).toEqual([]);
  });

  it('comes for each job of a batch', async () => {
    const jobs = ['a', 'b'].map((input) => ({ operation: 'echo', input, ...system.to('/batch') }));
    const response = await system.stack.call('/v1/jobs/batch', {
      method: 'POST',
      headers: { ...asDemo, 'content-type': 'application/json' },
      body: JSON.stringify({ jobs }),
    });
    expect(response.status).toBe(207);
    const all = await system.arrived('/batch', 2);
    expect(all.map((one) => cloudEvent(one).data.result).sort()).toEqual(['a', 'b']);
  });

  it('reports the end of a failed job, and again after each redrive', async () => {
    const gate = path.join(await scratchFolder(), 'gate');
    await writeFile(gate, '');
    const input = { mode: 'fail-while', gate };
    const sent = await system.submit({
      operation: 'test.mode',
      input,
      maxAttempts: 1,
      ...system.to('/dead'),
    });
    await system.callbacksOf(sent.id);
    await rm(gate);
    const redriven = await system.stack.call(`/v1/dead-letters/${sent.id}/redrive`, {
      method: 'POST',
      headers: asDemo,
    });
    expect(redriven.status).toBe(202);
    const { traceId } = Job.parse(await redriven.json());
    const events = await system.callbacksOf(sent.id, 2);
    expect(events.map(({ kind, redriveCount }) => [kind, redriveCount])).toEqual([
      ['callback-delivered', undefined],
      ['callback-delivered', 1],
    ]);
    const [first, second] = system.receiver.at('/dead').map(cloudEvent);
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
      (await system.history(sent.id)).filter((event) => !isCallbackEvent(event) && isTerminalEvent(event)),
    ).toHaveLength(2);
  });

  it('reports the end of a delayed job that is cancelled, and of one that runs', async () => {
    const later = await system.submit({ delay: '1h', ...system.to('/delayed') });
    const cancelled = await system.stack.call(`/v1/jobs/${later.id}`, {
      method: 'DELETE',
      headers: asDemo,
    });
    expect(cancelled.status).toBe(200);
    const [event] = await system.callbacksOf(later.id);
    const [received] = await system.arrived('/delayed');
    expect(received && cloudEvent(received)).toMatchObject({
      type: 'dev.throughline.job.cancelled',
      data: { id: later.id },
    });
    expect(event?.traceId).toBe(later.traceId);
    const soon = await system.submit({ delay: '10ms', ...system.to('/soon') });
    await system.callbacksOf(soon.id);
    expect(system.receiver.at('/soon')).toHaveLength(1);
  });

  it('is part of the request that an idempotency key stands for', async () => {
    const key = { ...asDemo, 'idempotency-key': 'callbacks-1' };
    const one = await system.submit(system.to('/key'), key);
    expect((await system.submit(system.to('/key'), key)).id).toBe(one.id);
    const other = await system.stack.submit({ operation: 'echo', input: 1, ...system.to('/other-key') }, key);
    expect(other.status).toBe(422);
  });

  it('is counted', async () => {
    await system.callbacksOf((await system.submit(system.to('/counted'))).id);
    const { healthUrl } = system.stack.worker;
    await until(
      'the figure',
      async () => (await metricOf(healthUrl, 'throughline_callbacks_total', 'outcome="delivered"')) > 0,
    );
  });
});

describe('a target that is not open', () => {
  it.each<[string, (port: string) => string]>([
    ['plain http', (port) => `http://127.0.0.1:${port}/`],
    ['loopback', (port) => `https://127.0.0.1:${port}/`],
    ['loopback inside IPv6', (port) => `https://[::ffff:127.0.0.1]:${port}/`],
  ])('is not even connected to: %s', async (_what, urlOf) => {
    const closed = await startCallbackReceiver();
    onTestFinished(() => closed.stop());
    const sent = await system.submit({ callback: { url: urlOf(new URL(closed.origin).port) } });
    expect(await system.callbacksOf(sent.id)).toMatchObject([
      { kind: 'callback-failed', attempt: 1, error: { code: 'target-refused' } },
    ]);
    expect(closed.connections()).toBe(0);
  });

  it('looks like a name that does not exist, if a name leads to it: the caller learns nothing', async () => {
    const closed = await startCallbackReceiver();
    onTestFinished(() => closed.stop());
    const { port } = new URL(closed.origin);
    const hosts = ['127-0-0-1.address.test', 'no-such-name.address.test'];
    const traceIds: string[] = [];
    const told = await Promise.all(
      hosts.map(async (host) => {
        const sent = await system.submit({ callback: { url: `https://${host}:${port}/` } });
        const [event] = await system.callbacksOf(sent.id);
        if (event !== undefined) traceIds.push(event.traceId);
        return { kind: event?.kind, attempt: event?.attempt, error: event?.error };
      }),
    );
    const message = 'the receiver cannot be reached';
    const refused = { kind: 'callback-retrying', attempt: 1, error: { code: 'callback-failed', message } };
    expect(told).toEqual([refused, refused]);
    expect(closed.connections()).toBe(0);
    await system.stack.logged(({ cause }) =>
      /127-0-0-1\.address\.test leads to 127\.0\.0\.1, an address that is refused/.test(String(cause)),
    );
    for (const traceId of traceIds) {
      await system.stack.collector.waitForSpans(
        traceId,
        (spans) =>
          spans.some(
            ({ name, events }) => name === 'POST callback' && events.some((e) => e.name === 'exception'),
          ),
        60_000,
      );
    }
  });
});

it.each(['https://127.1/', 'https://2130706433/', 'https://0x7f.0.0.1/', 'https://0177.1/'])(
  'a target in an old spelling of an IPv4 address is refused by the API: %s',
  async (url) => {
    const response = await system.stack.submit({ operation: 'echo', input: 1, callback: { url } }, asDemo);
    expect(response.status).toBe(400);
  },
);

describe('a message published by hand', () => {
  const publish = async (id: string, url: string, body: string): Promise<Job> => {
    const messageHeaders = headers();
    messageHeaders.set('Throughline-Callback-Url', url);
    await jetstream(system.nats).publish(`jobs.normal.p2.demo.${id}.echo`, body, { headers: messageHeaders });
    return await until('its end', async () => {
      const response = await system.stack.call(`/v1/jobs/${id}`, { headers: asDemo });
      const job = response.status === 200 ? Job.parse(await response.json()) : undefined;
      return job?.finishedAt !== undefined && job;
    });
  };

  it('may ask for a callback, even where its input cannot be read', async () => {
    expect((await publish('by-hand', `${system.receiver.origin}/hand`, 'no JSON')).state).toBe('failed');
    const [received] = await system.arrived('/hand');
    expect(received && cloudEvent(received).data.error).toMatchObject({ code: 'message-invalid' });
  });

  it('runs without a callback where that cannot be read, which is logged', async () => {
    expect(await publish('rubbish', 'gopher://x/', '1')).toMatchObject({ state: 'succeeded' });
    await until('the warning', () =>
      system.stack
        .logs()
        .some(({ msg, job_id }) => job_id === 'rubbish' && String(msg).startsWith('callback cannot be read')),
    );
  });

  it('that is no callback is removed from the queue of callbacks', async () => {
    await jetstream(system.nats).publish('callbacks.demo.nonsense', 'rubbish');
    await until('the queue to be empty', async () => (await system.pending()) === 0);
  });
});
