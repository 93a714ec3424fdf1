import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Job } from '../../../shared/job/job.ts';
import { until } from '../../support/poll.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';

const TRACE_ID = 'aaaabbbbccccddddeeeeffff00001111';

let stack: TestStack;
let nats: NatsConnection;
let published = 0;
beforeAll(async () => {
  stack = await startTestStack();
  nats = await connect({ servers: stack.nats.url });
});
afterAll(() => nats.close());

/** Publishes as a program in another language would, and waits for the job's end. */
async function publish(setHeaders: (messageHeaders: MsgHdrs) => void, body = '{"n":1}') {
  const jobId = `raw-${++published}`;
  const messageHeaders = headers();
  setHeaders(messageHeaders);
  await jetstream(nats).publish(`jobs.demo.${jobId}.echo`, body, { headers: messageHeaders });
  const job = await until('the job to end', async () => {
    const response = await stack.call(`/v1/jobs/${jobId}`);
    const now = response.status === 200 ? Job.parse(await response.json()) : undefined;
    return now?.finishedAt !== undefined && now;
  });
  const spans = await stack.collector.waitForSpans(
    job.traceId,
    (all) =>
      all.some(({ name, attributes }) => isProcessSpan(name) && attributes['throughline.job.id'] === jobId),
    10_000,
  );
  return {
    job,
    span: spans.find(
      ({ name, attributes }) => isProcessSpan(name) && attributes['throughline.job.id'] === jobId,
    ),
  };
}

const isProcessSpan = (name: string): boolean => name === 'process echo';

async function counted(label: string): Promise<number> {
  const text = await (await fetch(`${stack.worker.healthUrl}/metrics`)).text();
  const line = text
    .split('\n')
    .find((row) => row.startsWith('throughline_trace_context_extracted') && row.includes(label));
  return Number(line?.split(' ').at(-1) ?? 0);
}

describe('a message published by hand', () => {
  it('continues its trace when its header names are written as Go writes them', async () => {
    const { job, span } = await publish((h) => h.set('Traceparent', `00-${TRACE_ID}-1111222233334444-01`));
    expect(job).toMatchObject({ state: 'succeeded', result: { n: 1 }, traceId: TRACE_ID });
    expect(span).toMatchObject({ parentSpanId: '1111222233334444' });
    expect(span?.attributes['throughline.trace.outcome']).toBe('continued');
    expect(await counted('outcome="continued"')).toBeGreaterThan(0);
  });

  it('starts a trace when it has no headers', async () => {
    const { job, span } = await publish(() => undefined);
    expect(job.state).toBe('succeeded');
    expect(job.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(span?.parentSpanId).toBeUndefined();
    expect(span?.attributes['throughline.trace.outcome']).toBe('absent');
    expect(await counted('outcome="absent"')).toBe(1);
  });

  const garbage: [string, (h: MsgHdrs) => void, string][] = [
    ['garbage', (h) => h.set('traceparent', 'not a traceparent'), 'malformed'],
    [
      'two values',
      (h) => {
        h.append('traceparent', `00-${TRACE_ID}-1111222233334444-01`);
        h.append('Traceparent', 'x');
      },
      'repeated',
    ],
    [
      'an all-zero trace id',
      (h) => h.set('traceparent', `00-${'0'.repeat(32)}-1111222233334444-01`),
      'zero-trace-id',
    ],
  ];
  it.each(garbage)(
    'A8: starts a trace, logs and counts the reason when traceparent is %s',
    async (_, set, reason) => {
      const { job, span } = await publish(set);
      expect(job.state).toBe('succeeded');
      expect(job.traceId).not.toBe(TRACE_ID);
      expect(span?.attributes).toMatchObject({
        'throughline.trace.outcome': 'invalid',
        'throughline.trace.reason': reason,
      });
      expect(await counted(`reason="${reason}"`)).toBe(1);
      const line = stack.logs().find((log) => log.trace_id === job.traceId && log.trace_reason === reason);
      expect(line).toMatchObject({ service: 'throughline-worker', trace_outcome: 'invalid' });
    },
  );

  it('W10: goes to the dead letters when its body is not JSON, and the worker goes on', async () => {
    await jetstream(nats).publish('jobs.demo.raw-broken.echo', new Uint8Array([0xff, 0xfe, 0x00]));
    const failed = await until('the job to fail', async () => {
      const response = await stack.call('/v1/jobs/raw-broken');
      const now = response.status === 200 ? Job.parse(await response.json()) : undefined;
      return now?.state === 'failed' && now;
    });
    expect(failed.error).toEqual({ code: 'message-invalid', message: 'the body is not JSON in UTF-8' });
    const manager = await jetstreamManager(nats);
    const dead = await manager.streams.getMessage('DEAD', { last_by_subj: 'dead.demo.raw-broken.echo' });
    expect([...(dead?.data ?? [])]).toEqual([0xff, 0xfe, 0x00]);
    expect((await publish(() => undefined)).job.state).toBe('succeeded');
  });
});
