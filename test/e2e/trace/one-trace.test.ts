import { beforeAll, describe, expect, it } from 'vitest';
import { traceFaults } from '../../../dev/trace-check.ts';
import { Job } from '../../../shared/job/job.ts';
import { printed } from '../../support/cli/process.ts';
import { until } from '../../support/poll.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = `00-${TRACE_ID}-00f067aa0ba902b7-01`;

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});

async function submitWithCli(...args: string[]): Promise<Job> {
  const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: stack.collector.otlpUrl };
  const job = await printed(stack, ['submit', ...args, '--wait', '30', '--json'], { environment });
  return Job.parse(JSON.parse(job));
}

describe('one job', () => {
  it('is one trace from the CLI through edge, bridge and worker and back', async () => {
    const job = await submitWithCli('echo', '{"hello":"world"}');
    expect(job).toMatchObject({ state: 'succeeded', result: { hello: 'world' }, attempt: 1 });

    const spans = await stack.collector.waitForSpans(job.traceId, (s) => traceFaults(s).length === 0, 10_000);
    expect(traceFaults(spans)).toEqual([]);
    // Sorted: workerd's clock stands still while code runs, so two spans may have the same start.
    expect(spans.map(({ service, kind }) => `${service} ${kind}`).sort()).toEqual([
      'throughline-bridge CONSUMER',
      'throughline-bridge PRODUCER',
      'throughline-cli CLIENT',
      'throughline-edge CLIENT',
      'throughline-edge SERVER',
      'throughline-worker CONSUMER',
      'throughline-worker PRODUCER',
    ]);
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
      10_000,
    );
    expect(spans.find(({ kind }) => kind === 'SERVER')?.parentSpanId).toBe('00f067aa0ba902b7');
  });

  it('shows how long it waited in the queue', async () => {
    const job = await stack.run('echo', 1);
    const [process] = await stack.collector
      .waitForSpans(job.traceId, (s) => s.some(({ name }) => name === 'process echo'), 10_000)
      .then((spans) => spans.filter(({ name }) => name === 'process echo'));
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
    const [span] = await stack.collector.waitForSpans(traceId, (s) => s.length > 0, 10_000);
    expect(span?.links).toMatchObject([{ traceId: TRACE_ID, spanId: '00f067aa0ba902b7' }]);
  });
});
