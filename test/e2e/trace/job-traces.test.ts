import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { traceFaults } from '../../../dev/trace-check.ts';
import { Job } from '../../../shared/job/job.ts';
import { SERVICE } from '../../../shared/trace/semantics.ts';
import { shortName } from '../../../shared/trace/short-name.ts';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';
import { printed } from '../../support/cli/process.ts';
import { metricOf } from '../../support/http/metrics.ts';
import { until } from '../../support/poll.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const HAND_TRACE_ID = 'aaaabbbbccccddddeeeeffff00001111';
const CALLER = `00-${TRACE_ID}-00f067aa0ba902b7-01`;

let stack: TestStack;
let nats: NatsConnection;
beforeAll(async () => {
  stack = await startTestStack({ edge: { LOG_LEVEL: 'debug' } });
  nats = await connect({ servers: stack.nats.url });
});
afterAll(() => nats.close());

async function submitWithCli(...args: string[]): Promise<Job> {
  const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: stack.collector.otlpUrl };
  const job = await printed(stack, ['submit', ...args, '--wait', '30', '--json'], { environment });
  return Job.parse(JSON.parse(job));
}

describe('one job', () => {
  it('is one trace from the CLI through edge, bridge and worker and back', async () => {
    const job = await submitWithCli('echo', '{"hello":"world"}');
    expect(job).toMatchObject({ state: 'succeeded', result: { hello: 'world' }, attempt: 1 });

    const spans = await stack.collector.waitForSpans(job.traceId, (s) => traceFaults(s).length === 0, 60_000);
    expect(traceFaults(spans)).toEqual([]);
    // Sorted: workerd's clock stands still while code runs, so two spans may have the same start.
    expect(spans.map(({ service, kind }) => `${service} ${kind}`).sort()).toEqual([
      'throughline-bridge CLIENT',
      'throughline-bridge PRODUCER',
      'throughline-cli CLIENT',
      'throughline-edge CLIENT',
      'throughline-edge SERVER',
      'throughline-worker CLIENT',
      'throughline-worker CONSUMER',
      'throughline-worker PRODUCER',
    ]);
  });

  it('is recorded from the edge on if the CLI that submits it records nothing', async () => {
    const job = Job.parse(
      JSON.parse(await printed(stack, ['submit', 'echo', '1', '--wait', '30', '--json'], {})),
    );
    const { cli } = SERVICE;
    const spans = await stack.collector.waitForSpans(
      job.traceId,
      (s) => traceFaults(s).join() === `no span of ${cli} arrived`,
      60_000,
    );
    expect(spans.find(({ kind }) => kind === 'SERVER')?.parentSpanId).toBeUndefined();
  });

  it('leaves its trace id in the log lines of edge, bridge and worker', async () => {
    const job = await stack.run('echo', 1);
    const expected = [
      'throughline-bridge: job published',
      'throughline-worker: job started',
      'throughline-worker: job ended',
      'throughline-edge: request',
    ];
    // The lines come from two processes, some of them after the answer.
    await until('the lines of all three', () => {
      const lines = stack.logs().filter(({ trace_id }) => trace_id === job.traceId);
      const seen = new Set(lines.map(({ service, msg }) => `${service}: ${msg}`));
      return seen.size === expected.length && expected.every((line) => seen.has(line));
    });
  });

  it("continues its caller's trace, with tracestate and baggage, and answers with traceresponse", async () => {
    const response = await stack.submit(
      { operation: 'echo', input: 1 },
      {
        traceparent: CALLER,
        tracestate: 'vendor=1,other=2',
        baggage: 'user=ann,plan=gold',
        prefer: 'wait=30',
      },
    );
    expect(response.status).toBe(200);
    const job = Job.parse(await response.json());
    expect(job.traceId).toBe(TRACE_ID);
    expect(response.headers.get('traceresponse')).toMatch(new RegExp(`^00-${TRACE_ID}-[0-9a-f]{16}-0[13]$`));
    const spans = await stack.collector.waitForSpans(
      TRACE_ID,
      (s) => s.some(({ kind }) => kind === 'SERVER'),
      60_000,
    );
    expect(spans.find(({ kind }) => kind === 'SERVER')?.parentSpanId).toBe('00f067aa0ba902b7');
  });

  it('shows how long it waited in the queue', async () => {
    const job = await stack.run('echo', 1);
    const [process] = await stack.collector
      .waitForSpans(job.traceId, (s) => s.some((span) => shortName(span) === 'process echo'), 60_000)
      .then((spans) => spans.filter((span) => shortName(span) === 'process echo'));
    expect(process?.attributes['throughline.job.queue_time_ms']).toEqual(expect.any(Number));
  });

  it('can be read by its id while it is queued and after its end, and by nobody else', async () => {
    const job = await stack.run('echo', { a: 1 });
    const read = await stack.call(`/v1/jobs/${job.id}`);
    expect(Job.parse(await read.json())).toMatchObject({ id: job.id, state: 'succeeded', result: { a: 1 } });
    expect((await stack.call('/v1/jobs/00000000-0000-7000-8000-000000000000')).status).toBe(404);
  });
});

describe('a caller without a key', () => {
  it('cannot add spans to our traces: its context only becomes a link', async () => {
    const response = await fetch(`${stack.url}/v1/jobs`, {
      method: 'POST',
      headers: { traceparent: CALLER },
    });
    expect(response.status).toBe(401);
    const traceId = response.headers.get('traceresponse')?.split('-')[1] ?? '';
    expect(traceId).not.toBe(TRACE_ID);
    const [span] = await stack.collector.waitForSpans(traceId, (s) => s.length > 0, 60_000);
    expect(span?.links).toMatchObject([{ traceId: TRACE_ID, spanId: '00f067aa0ba902b7' }]);
  });
});

let published = 0;

/** Publishes as a program in another language would, and waits for the job's end. */
async function publish(setHeaders: (messageHeaders: MsgHdrs) => void, body = '{"n":1}') {
  const jobId = `raw-${++published}`;
  const messageHeaders = headers();
  setHeaders(messageHeaders);
  await jetstream(nats).publish(`jobs.normal.p2.demo.${jobId}.echo`, body, { headers: messageHeaders });
  const job = await until('the job to end', async () => {
    const response = await stack.call(`/v1/jobs/${jobId}`);
    const now = response.status === 200 ? Job.parse(await response.json()) : undefined;
    return now?.finishedAt !== undefined && now;
  });
  const spans = await stack.collector.waitForSpans(
    job.traceId,
    (all) => all.some((span) => isProcessSpan(span) && span.attributes['throughline.job.id'] === jobId),
    60_000,
  );
  return {
    job,
    span: spans.find((span) => isProcessSpan(span) && span.attributes['throughline.job.id'] === jobId),
  };
}

const isProcessSpan = (span: SpanRecord): boolean => shortName(span) === 'process echo';

const counted = (label: string): Promise<number> =>
  metricOf(stack.worker.healthUrl, 'throughline_trace_context_extracted_total', label);

describe('a message published by hand', () => {
  it('continues its trace when its header names are written as Go writes them', async () => {
    const { job, span } = await publish((h) =>
      h.set('Traceparent', `00-${HAND_TRACE_ID}-1111222233334444-01`),
    );
    expect(job).toMatchObject({ state: 'succeeded', result: { n: 1 }, traceId: HAND_TRACE_ID });
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
        h.append('traceparent', `00-${HAND_TRACE_ID}-1111222233334444-01`);
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
      expect(job.traceId).not.toBe(HAND_TRACE_ID);
      expect(span?.attributes).toMatchObject({
        'throughline.trace.outcome': 'invalid',
        'throughline.trace.reason': reason,
      });
      expect(await counted(`reason="${reason}"`)).toBe(1);
      const [line] = await stack.logged((log) => log.trace_id === job.traceId && log.trace_reason === reason);
      expect(line).toMatchObject({
        service: 'throughline-worker',
        trace_outcome: 'invalid',
        job_id: job.id,
      });
    },
  );

  it('W10: goes to the dead letters when its body is not JSON, and the worker goes on', async () => {
    await jetstream(nats).publish('jobs.normal.p2.demo.raw-broken.echo', new Uint8Array([0xff, 0xfe, 0x00]));
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
