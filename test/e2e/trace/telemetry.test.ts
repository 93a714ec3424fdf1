import { createServer } from 'node:http';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Job } from '../../../shared/job/job.ts';
import { listening } from '../../support/http/listening.ts';
import { until } from '../../support/poll.ts';
import { startTestStack, type TestStack, withTestStack } from '../../support/stack.ts';

const isOfWorker = ({ service, kind }: { service: string; kind: string }, wanted: string): boolean =>
  service === 'throughline-worker' && kind === wanted;

const TRACE_ID = 'feedfacefeedfacefeedfacefeedface';

describe('without a telemetry endpoint', () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startTestStack({ tracing: false, edge: { LOG_LEVEL: 'debug' } });
  });

  it('nothing is recorded, but the worker gets the ids of the caller, and every log line shows them', async () => {
    const job = await stack.run('echo', 1, { traceparent: `00-${TRACE_ID}-1234567890abcdef-01` });
    expect(job.traceId).toBe(TRACE_ID);
    await until('a line of all three', () => {
      const lines = stack.logs().filter((line) => line.trace_id === TRACE_ID);
      const services = new Set(lines.map(({ service }) => service));
      return ['throughline-edge', 'throughline-bridge', 'throughline-worker'].every((one) =>
        services.has(one),
      );
    });
    expect(stack.collector.requests).toBe(0);
    expect(stack.lines.filter((line) => line.startsWith('span '))).toEqual([]);
  });

  it('a job without a context gets ids that are marked as not sampled', async () => {
    const response = await stack.submit({ operation: 'echo', input: 1 }, { prefer: 'wait=30' });
    const job = Job.parse(await response.json());
    expect(response.headers.get('traceresponse')).toMatch(new RegExp(`^00-${job.traceId}-[0-9a-f]{16}-02$`));
    await until('a line of the worker with the same id', () =>
      stack.logs().find((line) => line.service === 'throughline-worker' && line.trace_id === job.traceId),
    );
  });
});

describe('with OTEL_SDK_DISABLED', () => {
  it('nothing is recorded, although there is an endpoint', async () => {
    const disabled = { OTEL_SDK_DISABLED: 'true' };
    const stack = await withTestStack({ edge: disabled, worker: disabled });
    expect((await stack.run('echo', 1)).state).toBe('succeeded');
    expect(stack.collector.requests).toBe(0);
  });
});

describe('with --debug', () => {
  it('edge and worker print each span as one readable line', async () => {
    const stack = await withTestStack({ tracing: false, debug: true });
    const job = await stack.run('echo', 'line\nbreak');
    const lines = await until('all span lines', () => {
      const spans = stack.lines.filter((line) => line.startsWith(`span ${job.traceId} `));
      return spans.length >= 7 && spans;
    });
    const subject = 'jobs.{priority}.{lane}.{tenant}.{jobId}.echo';
    for (const shown of [
      `throughline-worker CONSUMER "process ${subject}"`,
      `throughline-bridge PRODUCER "send ${subject}"`,
      'throughline-edge SERVER "POST /v1/jobs"',
    ])
      expect(lines.filter((line) => line.includes(shown))).toHaveLength(1);
  });
});

describe('a telemetry endpoint that fails', () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startTestStack();
  });
  const losses = () => stack.logs().filter(({ msg }) => String(msg).startsWith('spans were lost'));

  it('by cutting the connection is tried again, and no span is lost', async () => {
    const before = losses().length;
    stack.collector.resetNext(1);
    await stack.call(`/v1/jobs/${crypto.randomUUID()}`, {
      headers: { traceparent: `00-${TRACE_ID}-1234567890abcdef-01` },
    });
    const services = (spans: readonly { service: string }[]) => new Set(spans.map(({ service }) => service));
    await stack.collector.waitForSpans(TRACE_ID, (spans) => services(spans).has('throughline-edge'), 60_000);
    expect(stack.collector.requests).toBeGreaterThan(1);
    expect(losses()).toHaveLength(before);
  });

  it('costs no job, and the loss is logged', async () => {
    const before = losses().length;
    stack.collector.setFailure(400);
    onTestFinished(() => stack.collector.setFailure(undefined));
    expect((await stack.run('echo', 1)).state).toBe('succeeded');
    const line = await until('the loss to be logged', () => losses()[before]);
    expect(line).toMatchObject({ level: 'warn', reason: 'status 400' });
  });
});

describe('what an operation calls', () => {
  let origin: string;
  let stack: TestStack;
  const seen: (string | undefined)[] = [];
  /** The trace headers of the requests. */
  const arrived: unknown[] = [];
  beforeAll(async () => {
    const server = createServer((request, response) => {
      seen.push(request.headers.traceparent as string | undefined);
      const { traceparent, tracestate, baggage } = request.headers;
      arrived.push(JSON.parse(JSON.stringify({ traceparent, tracestate, baggage })));
      response.end('ok');
    });
    origin = await listening(server);
    stack = await startTestStack({
      operationsFolder: 'test/fixtures/operations',
      worker: { HTTP_REQUEST_ALLOW: origin },
    });
  });

  it('over HTTP becomes a child span and gets the trace context', async () => {
    const byFetch = await stack.run('test.mode', { mode: 'http', url: `${origin}/fetch` });
    const byOperation = await stack.run('http.request', { url: `${origin}/operation` });
    expect(byOperation.result).toMatchObject({ status: 200, body: 'ok' });
    for (const [index, job] of [byFetch, byOperation].entries()) {
      const spans = await stack.collector.waitForSpans(
        job.traceId,
        (all) => ['CLIENT', 'CONSUMER'].every((kind) => all.some((span) => isOfWorker(span, kind))),
        60_000,
      );
      const client = spans.find((span) => isOfWorker(span, 'CLIENT'));
      const process = spans.find((span) => isOfWorker(span, 'CONSUMER'));
      expect(client?.parentSpanId).toBe(process?.spanId);
      expect(seen[index]).toContain(`${job.traceId}-${client?.spanId}`);
    }
  });

  it('gets tracestate and baggage at the origins of HTTP_REQUEST_ALLOW, and nowhere else', async () => {
    const caller = {
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01',
      tracestate: 'vendor=1',
      baggage: 'user=ann',
    };
    // The same server, by a name that is not on the list.
    const stranger = origin.replace('127.0.0.1', 'localhost');
    const calls = [
      ...['http', 'http-get'].flatMap((mode) => [
        { operation: 'test.mode', input: { mode, url: `${origin}/trusted` } },
        { operation: 'test.mode', input: { mode, url: `${stranger}/stranger` } },
      ]),
      { operation: 'http.request', input: { url: `${origin}/trusted` } },
    ];
    for (const call of calls) {
      arrived.length = 0;
      const response = await stack.submit(call, { ...caller, prefer: 'wait=30' });
      expect(await response.json()).toMatchObject({ state: 'succeeded' });
      const isTrusted = JSON.stringify(call).includes('trusted');
      const more = isTrusted ? { tracestate: 'vendor=1', baggage: 'user=ann' } : {};
      expect(arrived).toEqual([
        { traceparent: expect.stringContaining('0af7651916cd43dd8448eb211c80319c'), ...more },
      ]);
    }
  });

  it('is refused unless the operator allows the target', async () => {
    const response = await stack.submit(
      { operation: 'http.request', input: { url: 'http://127.0.0.1:1/' } },
      { prefer: 'wait=30' },
    );
    expect(await response.json()).toMatchObject({
      state: 'failed',
      attempt: 1,
      error: { code: 'target-refused' },
    });
  });
});
