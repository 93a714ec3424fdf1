import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { atEndOfFile } from '../../support/cleanup.ts';
import { printed } from '../../support/cli/process.ts';
import {
  type CallbackReceiver,
  inTurn,
  startCallbackReceiver,
  status,
} from '../../support/http/callback-receiver.ts';
import { listening } from '../../support/http/listening.ts';
import { jobEnded } from '../../support/jobs.ts';
import { until } from '../../support/poll.ts';
import { ConventionCheck, type SeenMetric } from '../../support/semantics/conventions.ts';
import {
  metricsIn,
  type SentAttribute,
  sentInLogs,
  sentInMetrics,
  sentInTraces,
} from '../../support/semantics/otlp-names.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';

/** Some attributes that come only if all of it has run. */
const EXPECTED = [
  'exception.stacktrace',
  'error.type',
  'http.request.resend_count',
  'messaging.consumer.group.name',
  'rpc.method',
  'throughline.callback.outcome',
  'throughline.trace.reason',
  'throughline.schedule.scheduled_for',
  'service.instance.id',
  'telemetry.sdk.name',
  'v8js.heap.space.name',
];
const attributes: SentAttribute[] = [];
const metrics: SeenMetric[] = [];
let receiver: CallbackReceiver;
let stack: TestStack;

/** Takes the traces and the metrics of all services. @returns its URL */
async function startReceiver(): Promise<string> {
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const raw = await buffer(request);
    const isZipped = request.headers['content-encoding'] === 'gzip';
    const body: unknown = JSON.parse((isZipped ? gunzipSync(raw) : raw).toString('utf8'));
    if (request.url === '/v1/traces') attributes.push(...sentInTraces(body));
    else if (request.url === '/v1/logs') attributes.push(...sentInLogs(body));
    else {
      attributes.push(...sentInMetrics(body));
      metrics.push(...metricsIn(body));
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  };
  const server = createServer((request, response) => void take(request, response));
  return await listening(server);
}

beforeAll(async () => {
  receiver = await startCallbackReceiver();
  atEndOfFile(() => receiver.stop());
  const url = await startReceiver();
  const settings = {
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_METRICS_EXPORTER: 'otlp',
    OTEL_METRIC_EXPORT_INTERVAL: '1000',
  };
  stack = await startTestStack({
    operationsFolder: 'test/fixtures/operations',
    edge: settings,
    worker: {
      ...settings,
      OTEL_LOGS_EXPORTER: 'otlp',
      CALLBACK_ALLOW: receiver.origin,
      CALLBACK_RETRY_MIN_MS: '200',
      HTTP_REQUEST_ALLOW: receiver.origin,
      TARGET_ADDRESSES_ALLOW: '127.0.0.1',
    },
  });
  await runEverything(url);
});

/** Runs jobs of each kind, good and bad, and the requests around them. */
async function runEverything(otlpUrl: string): Promise<void> {
  await stack.run('echo', 1);
  await stack.run('http.request', { url: `${receiver.origin}/asked` });
  receiver.answer('/again', inTurn(status(503), status(204)));
  const jobs = [
    { operation: 'echo', input: 1, callback: { url: `${receiver.origin}/done` }, tags: ['a'] },
    { operation: 'echo', input: 1, callback: { url: `${receiver.origin}/again` } },
    { operation: 'echo', input: 1, delay: '1100ms' },
    { operation: 'echo', input: 1, orderingKey: 'one' },
    { operation: 'test.limited', input: 1 },
    { operation: 'test.limited', input: 1 },
    { operation: 'test.thrower', input: { message: 'on purpose' } },
    { operation: 'http.request', input: { url: 'http://127.0.0.1:9/' }, maxAttempts: 2 },
  ];
  const ids: string[] = [];
  for (const job of jobs) {
    const response = await stack.submit(job);
    const { id } = (await response.json()) as { id?: string };
    if (response.status === 202 && id !== undefined) ids.push(id);
  }
  await stack.call('/v1/schedules/tick', {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ operation: 'echo', input: 1, every: '1s' }),
  });
  await stack.call('/v1/nothing');
  await stack.call('/v1/jobs', { method: 'POST', body: '{' });
  await stack.call('/v1/jobs', { headers: { traceparent: 'garbage' } });
  await printed(stack, ['submit', 'echo', '1', '--wait', '30'], {
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: otlpUrl },
  });
  for (const id of ids) await jobEnded(stack, id, 60_000);
  await until('each service has sent something', async () => {
    await stack.call('/v1/jobs');
    return (
      has('http.server.request.duration') &&
      has('messaging.process.duration') &&
      hasSpan('run schedule') &&
      receiver.at('/again').length > 1
    );
  });
}

const has = (metric: string): boolean => metrics.some(({ name }) => name === metric);
const hasSpan = (name: string): boolean => attributes.some((one) => one.of === name);

describe('what a whole run sends', () => {
  it('has attributes that the conventions know, of their types, and none that is deprecated', () => {
    const check = new ConventionCheck();
    const faults = attributes.flatMap(({ of, name, type, metric, scope }) => {
      const own = of === 'log' ? check.field(name, type) : check.attribute(name, type);
      const fault = metric === undefined ? own : check.label(metric, name, type);
      return fault === undefined ? [] : [`${of}${scope === undefined ? '' : ` (${scope})`}: ${fault}`];
    });
    expect([...new Set(faults)]).toEqual([]);
    const seen = new Set(attributes.map(({ name }) => name));
    expect([...EXPECTED].filter((name) => !seen.has(name))).toEqual([]);
    expect(attributes.some(({ of }) => of === 'log')).toBe(true);
  });

  it('has metrics that the conventions know, of their kinds and units, and none that is deprecated', () => {
    const check = new ConventionCheck();
    const faults = metrics.flatMap((metric) => check.metric(metric) ?? []);
    expect([...new Set(faults)]).toEqual([]);
    expect(new Set(metrics.map(({ name }) => name)).size).toBeGreaterThan(30);
  });

  it('uses each exception', () => {
    const seen = new Set([...attributes, ...metrics].map(({ name }) => name));
    expect([...new ConventionCheck().exceptions].filter((name) => !seen.has(name))).toEqual([]);
  });

  it('has log lines with the fields that the conventions name for the trace', () => {
    const lines = stack.logs().filter(({ msg }) => msg === 'job ended');
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines)
      expect(line).toMatchObject({
        trace_id: expect.stringMatching(/^[0-9a-f]{32}$/),
        span_id: expect.stringMatching(/^[0-9a-f]{16}$/),
      });
  });
});
