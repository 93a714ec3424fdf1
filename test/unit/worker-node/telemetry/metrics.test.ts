import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { describe, expect, it, onTestFinished } from 'vitest';
import { prometheusName } from '../../../../shared/trace/metric.ts';
import { WORKER_METRICS } from '../../../../worker-node/telemetry/measure/definitions.ts';
import { WorkerMetrics, type WorkerMetricsOptions } from '../../../../worker-node/telemetry/metrics.ts';

const STARTED = { tenant: 'acme', queueMs: 1_500, outboxMs: undefined };
const ENDED = { tenant: 'acme', conclusion: 'succeeded', number: 1, ranMs: 20, endToEndMs: 40 };

async function start(options: Partial<WorkerMetricsOptions> = {}) {
  const metrics = new WorkerMetrics({
    operations: ['echo', 'report.make'],
    group: 'workers',
    tenants: false,
    resource: { 'service.name': 'throughline-worker' },
    ...options,
  });
  const server = createServer((_request, response) => metrics.respond(response)).listen(0);
  onTestFinished(async () => {
    server.close();
    await metrics.shutdown();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const scrape = async (headers: Record<string, string> = {}): Promise<string[]> =>
    (await (await fetch(url, { headers })).text()).split('\n');
  return { metrics, scrape };
}

/** The series of a metric, as `labels value`, without the labels of the scope. */
function seriesOf(lines: readonly string[], name: string): string[] {
  return lines
    .filter((line) => line.startsWith(`${name}{`))
    .map((line) => line.slice(name.length).replace(/,?otel_scope_[a-z_]+="[^"]*"/g, ''));
}

it('starts each counter at 0 for each combination of values that is known', async () => {
  const { scrape } = await start();
  const lines = await scrape();
  const open = ['permissionsMissing'];
  for (const [key, metric] of Object.entries(WORKER_METRICS)) {
    if (metric.instrument !== 'counter' || open.includes(key)) continue;
    const series = seriesOf(lines, prometheusName(metric));
    expect(series, key).not.toEqual([]);
    expect(series.filter((one) => !one.endsWith(' 0'))).toEqual([]);
  }
  const ended = seriesOf(lines, 'throughline_jobs_ended_total');
  expect(ended).toHaveLength(2 * 3);
  expect(ended).toContain('{operation="report.make",outcome="cancelled"} 0');
});

it('has each metric in docs/METRICS.md under the name that the exposition has', async () => {
  const { metrics, scrape } = await start();
  metrics.attemptStarted({ ...STARTED, operation: 'echo', outboxMs: 10 });
  metrics.attemptEnded({ ...ENDED, operation: 'echo' });
  metrics.messageProcessed('jobs', 5);
  metrics.messageSent('events', 5);
  metrics.permissionMissing('publish', 'events.*.*');
  const names = new Set((await scrape()).flatMap((line) => /^# TYPE (\S+)/.exec(line)?.[1] ?? []));
  const known = Object.values(WORKER_METRICS).map(prometheusName);
  expect([...names].filter((name) => name !== 'target_info' && !known.includes(name))).toEqual([]);
  const gauges = Object.values(WORKER_METRICS).filter(
    ({ instrument }) => instrument === 'gauge' || instrument === 'updowncounter',
  );
  // The gauges of the broker are shown by a worker only.
  expect(known.filter((name) => !names.has(name)).length).toBeLessThan(gauges.length);
});

it('tells apart the operations of this host only, and no tenants', async () => {
  const { metrics, scrape } = await start();
  for (let number = 0; number < 50; number++)
    metrics.attemptEnded({ ...ENDED, operation: `made.up-${number}`, tenant: `tenant-${number}` });
  metrics.attemptEnded({ ...ENDED, operation: 'echo' });
  const series = seriesOf(await scrape(), 'throughline_attempts_ended_total');
  expect(series).toContain('{operation="_OTHER",outcome="succeeded"} 50');
  expect(series).toContain('{operation="echo",outcome="succeeded"} 1');
  expect(series.some((one) => one.includes('tenant'))).toBe(false);
});

it('tells apart a hundred tenants where the setting asks for it', async () => {
  const { metrics, scrape } = await start({ tenants: true });
  for (let number = 0; number < 150; number++)
    metrics.attemptStarted({ ...STARTED, operation: 'echo', tenant: `tenant-${number}` });
  const series = seriesOf(await scrape(), 'throughline_job_queue_time_seconds_count');
  expect(series).toHaveLength(101);
  expect(series).toContain('{operation="echo",tenant="_OTHER"} 50');
});

it('counts the end of a job once, and attempts that did not run not at all', async () => {
  const { metrics, scrape } = await start();
  metrics.attemptEnded({ ...ENDED, operation: 'echo', conclusion: 'retrying' });
  metrics.attemptEnded({ ...ENDED, operation: 'echo', conclusion: 'failed', number: 2 });
  metrics.attemptEnded({ ...ENDED, operation: 'echo', conclusion: 'cancelled', ranMs: undefined });
  metrics.attemptEnded({ ...ENDED, operation: 'echo', conclusion: 'superseded' });
  const lines = await scrape();
  const counted = (name: string): string[] =>
    seriesOf(lines, name).filter((one) => one.includes('"echo"') && !one.endsWith(' 0'));
  expect(counted('throughline_jobs_ended_total')).toEqual([
    '{operation="echo",outcome="failed"} 1',
    '{operation="echo",outcome="cancelled"} 1',
  ]);
  expect(counted('throughline_attempts_ended_total')).toEqual([
    '{operation="echo",outcome="failed"} 1',
    '{operation="echo",outcome="retrying"} 1',
  ]);
  expect(counted('throughline_job_attempts_sum')).toEqual(['{operation="echo",outcome="failed"} 2']);
});

it('names errors by our codes only', async () => {
  const { metrics, scrape } = await start();
  metrics.messageProcessed('jobs', 1, 'operation-failed');
  metrics.messageProcessed('jobs', 1, 'card-declined');
  const series = seriesOf(await scrape(), 'messaging_process_duration_seconds_count').join('\n');
  expect(series).toContain('error_type="operation-failed"');
  expect(series).toContain('error_type="_OTHER"');
  expect(series).not.toContain('card-declined');
});

it('shows a gauge as it is now: what cannot be read any more is gone', async () => {
  const { metrics, scrape } = await start();
  let streams = ['JOBS', 'DEAD'];
  metrics.observe(['streamMessages'], () => ({ streamMessages: streams.map((stream) => [1, { stream }]) }));
  const shown = async (): Promise<number> => seriesOf(await scrape(), 'throughline_stream_messages').length;
  expect(await shown()).toBe(2);
  streams = ['JOBS'];
  expect(await shown()).toBe(1);
  streams = [];
  expect(await shown()).toBe(0);
});

it('shows the gauges to each of several readers that come at the same time', async () => {
  const { metrics, scrape } = await start();
  metrics.observe(['hosts'], async () => ({ hosts: [[3]] }));
  const scrapes = await Promise.all([1, 2, 3, 4].map(() => scrape()));
  expect(scrapes.map((lines) => seriesOf(lines, 'throughline_hosts_live'))).toEqual(
    [1, 2, 3, 4].map(() => ['{} 3']),
  );
});

it('shows nothing of a gauge that cannot be read', async () => {
  const { metrics, scrape } = await start();
  metrics.observe(['natsConnected', 'natsRoundTrip'], () => ({ natsConnected: [[0]], natsRoundTrip: [] }));
  const lines = await scrape();
  expect(seriesOf(lines, 'throughline_nats_connected')).toEqual(['{} 0']);
  expect(seriesOf(lines, 'throughline_nats_round_trip_time_seconds')).toEqual([]);
});

describe('a reader that asks for OpenMetrics', () => {
  const ACCEPT = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5';
  const traceId = 'ab'.repeat(16);
  const spanId = 'cd'.repeat(8);

  /** Measures within a span, recorded or not. */
  function within(isRecorded: boolean, measure: () => void): void {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const span = trace.wrapSpanContext({ traceId, spanId, traceFlags: Number(isRecorded) });
    span.isRecording = () => isRecorded;
    context.with(trace.setSpan(context.active(), span), measure);
  }

  it('gets that format: families of counters without a suffix, no unknown units, and an end', async () => {
    const { metrics, scrape } = await start();
    metrics.attemptEnded({ ...ENDED, operation: 'echo' });
    const lines = await scrape({ accept: ACCEPT });
    expect(lines).toContain('# TYPE throughline_jobs_ended counter');
    expect(seriesOf(lines, 'throughline_jobs_ended_total').length).toBeGreaterThan(0);
    expect(lines.filter((line) => line.startsWith('# UNIT'))).toEqual([]);
    expect(lines.slice(-2)).toEqual(['# EOF', '']);
    expect(lines.slice(0, -1)).not.toContain('');
  });

  it.each([
    ['text/plain', false],
    ['*/*', false],
    ['', false],
    ['application/openmetrics-text;q=0', false],
    ['application/openmetrics-text; q=0.0, text/plain', false],
    ['text/plain;q=1, application/openmetrics-text;q=0.1', false],
    ['application/json, application/openmetrics-text-like', false],
    ['APPLICATION/OpenMetrics-Text; Version=1.0.0; Q=0.5', true],
    ['text/plain;q=0.1,application/openmetrics-text;q=0.2,*/*;q=0.1', true],
    [
      // Prometheus 3.
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
      true,
    ],
  ])('by its weights: %s', async (accept, isOpen) => {
    const { scrape } = await start();
    expect((await scrape({ accept })).includes('# EOF')).toBe(isOpen);
  });

  it('gets the newest recorded job of each bucket', async () => {
    const { metrics, scrape } = await start();
    within(false, () => metrics.attemptEnded({ ...ENDED, operation: 'echo', ranMs: 3_000 }));
    within(true, () => metrics.attemptEnded({ ...ENDED, operation: 'echo', ranMs: 20 }));
    within(true, () => metrics.attemptEnded({ ...ENDED, operation: 'echo', ranMs: 21 }));
    within(true, () => metrics.attemptEnded({ ...ENDED, operation: 'echo', ranMs: 1e9 }));
    const lines = await scrape({ accept: ACCEPT });
    const buckets = seriesOf(lines, 'throughline_job_run_time_seconds_bucket');
    const marked = buckets.filter((line) => line.includes(' # '));
    expect(marked).toHaveLength(2);
    expect(marked[0]).toMatch(
      new RegExp(`le="0\\.025"} 2 # \\{trace_id="${traceId}",span_id="${spanId}"\\} 0\\.021 \\d+`),
    );
    expect(marked[1]).toContain('le="+Inf"');
  });

  it('gets none of them in the text format', async () => {
    const { metrics, scrape } = await start();
    within(true, () => metrics.attemptEnded({ ...ENDED, operation: 'echo' }));
    const lines = await scrape();
    expect(lines.filter((line) => line.includes(' # ') || line === '# EOF')).toEqual([]);
  });
});
