import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../dev/machine/command.ts';
import { METRIC_SECTIONS } from '../../scripts/metrics/page.ts';
import { prometheusName } from '../../shared/trace/metric.ts';
import { scratchFolder } from '../support/cleanup.ts';
import { until } from '../support/poll.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { isCumulative, type Series, seriesOf } from './support/exposition.ts';
import { locatePrometheus, type Prometheus } from './support/prometheus.ts';
import { type PrometheusServer, startPrometheus } from './support/prometheus-server.ts';

const RULES = join(import.meta.dirname, '../../deploy/observability/alerts.yaml');
const JOBS = ['throughline-edge', 'throughline-worker'];

let programs: Prometheus | string;
let stack: TestStack;

beforeAll(async () => {
  [programs, stack] = await Promise.all([locatePrometheus(), startTestStack()]);
  await runJobs();
});

async function runJobs(): Promise<void> {
  for (let count = 0; count < 5; count++) await stack.run('echo', { count });
}

/** The expositions of the edge and of the worker. */
async function scrape(): Promise<string[]> {
  const addresses = [stack.url, stack.worker.healthUrl];
  return await Promise.all(addresses.map(async (url) => (await fetch(`${url}/metrics`)).text()));
}

function located(skip: (note: string) => never): Prometheus {
  return typeof programs === 'string' ? skip(programs) : programs;
}

describe('the metrics of a real edge and a real worker', () => {
  it('are as promtool wants them', async ({ skip }) => {
    const { promtool } = located(skip);
    const folder = await scratchFolder();
    for (const [index, text] of (await scrape()).entries()) {
      expect(text.length).toBeGreaterThan(1_000);
      const file = join(folder, `${index}.txt`);
      await writeFile(file, text);
      const check = ['-c', '"$0" check metrics < "$1" 2>&1', promtool, file];
      expect(await runCommand('sh', check, { timeoutMs: 60_000 })).toBe('');
    }
  });

  it('are those of docs/METRICS.md, all of them that a healthy system has', async () => {
    const found = new Set((await scrape()).join('\n').match(/(?<=^# TYPE )\S+/gm));
    const known = METRIC_SECTIONS.flatMap(({ metrics }) => metrics.map(prometheusName));
    // Histograms begin with the first measurement, nothing was in an outbox, and the worker exports no log records.
    const later = ['throughline_nats_permissions_missing_total', 'throughline_job_outbox_time_seconds'];
    later.push('otel_sdk_processor_log_queue_size', 'otel_sdk_processor_log_queue_capacity');
    expect(known.filter((name) => !found.has(name) && !later.includes(name))).toEqual([]);
    expect([...found].filter((name) => !known.includes(name) && name.startsWith('throughline'))).toEqual([]);
  });

  it('are read by a real Prometheus, which raises no alert, and finds the traces of a figure', async ({
    skip,
  }) => {
    const api = await startIts(located(skip));
    const succeeded = 'sum(throughline_jobs_ended_total{operation="echo",outcome="succeeded"})';
    await until('both are scraped', async () => (await api.query('sum(up)')) === 2);
    await until('the jobs are counted', async () => ((await api.query(succeeded)) ?? 0) >= 5);
    expect(await api.query('max(throughline_bridge_broker_up)')).toBe(1);
    expect(await api.query('max(throughline_operation_hosts{operation="echo"})')).toBe(1);
    expect(await api.firing()).toEqual([]);
    const traceIds = await until('there are exemplars', async () => {
      const found = await api.exemplars('throughline_job_run_time_seconds_bucket{operation="echo"}');
      return found.length > 0 && found.map(({ labels }) => labels.trace_id);
    });
    const known = new Set(stack.collector.allSpans().map(({ traceId }) => traceId));
    expect(traceIds.filter((traceId) => !known.has(traceId ?? ''))).toEqual([]);
  });

  it('raise no alert in an hour that goes on like this', async ({ skip }) => {
    const { promtool } = located(skip);
    const before = await recorded();
    await runJobs();
    const after = new Map((await recorded()).map((one) => [one.series, one.value]));
    const series = before.map((one) => ({
      series: one.series,
      values: valuesOf(one, after.get(one.series)),
    }));
    const up = JOBS.map((job) => ({ series: `up{instance="${job}-1",job="${job}"}`, values: '1x90' }));
    const expr = 'count by (alertname) (ALERTS{alertstate="firing"})';
    const healthy = ['10m', '30m', '60m', '90m'].map((eval_time) => ({ expr, eval_time, exp_samples: [] }));
    const folder = await scratchFolder();
    const input = { interval: '1m', input_series: [...series, ...up], promql_expr_test: healthy };
    const file = { rule_files: [RULES], evaluation_interval: '1m', tests: [input] };
    await writeFile(join(folder, 'healthy.yaml'), JSON.stringify(file));
    const test = runCommand(promtool, ['test', 'rules', 'healthy.yaml'], { cwd: folder, timeoutMs: 60_000 });
    expect(await test).toContain('SUCCESS');
  });
});

async function recorded(): Promise<Series[]> {
  return (await scrape()).flatMap((text, index) => seriesOf(text, JOBS[index] ?? ''));
}

/** The values of an hour and a half, minute by minute: a counter goes on as it did. */
function valuesOf(one: Series, later = one.value): string {
  const step = isCumulative(one) ? later - one.value : 0;
  return `${plain(one.value)}+${plain(Math.max(0, step))}x90`;
}

function plain(value: number): string {
  return value.toFixed(6);
}

/** Starts a Prometheus that asks the edge and the worker every half second, with the alerts. */
function startIts({ server }: Prometheus): Promise<PrometheusServer> {
  const targets = { 'throughline-edge': stack.url, 'throughline-worker': stack.worker.healthUrl };
  return startPrometheus(server, { interval: '500ms', rules: [RULES], targets });
}
