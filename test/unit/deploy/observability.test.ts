import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { METRIC_SECTIONS } from '../../../scripts/metrics/page.ts';
import { prometheusName } from '../../../shared/trace/metric.ts';

const ROOT = join(import.meta.dirname, '../../..');
const FOLDER = 'deploy/observability';

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** The labels of each series, by its name. Prometheus itself adds `instance` and `job`. */
const labelsBySeries = new Map<string, readonly string[]>(
  METRIC_SECTIONS.flatMap(({ metrics }) => metrics).flatMap((metric) => {
    const name = prometheusName(metric);
    const own = Object.keys(metric.attributes).map((label) => label.replaceAll('.', '_'));
    const labels = [...own, 'instance', 'job'];
    const isHistogram = metric.instrument === 'histogram';
    const series: [string, readonly string[]][] = isHistogram
      ? [
          [`${name}_bucket`, [...labels, 'le']],
          [`${name}_sum`, labels],
          [`${name}_count`, labels],
        ]
      : [[name, labels]];
    return series;
  }),
);
// What the Collector says about itself; test/observability/collector.test.ts reads it from a real one.
labelsBySeries.set('otelcol_processor_tail_sampling_count_traces_sampled', [
  'policy',
  'sampled',
  'instance',
  'job',
]);
const WORDS = /^(?:sum|max|min|count|rate|increase|histogram_quantile|by|on|and|or|unless|offset|up|le)$/;

/** What is wrong with the names in an expression of PromQL. */
function faultsOf(expression: string): string[] {
  const faults: string[] = [];
  const names = new Set<string>();
  const bare = expression.replaceAll(/"[^"]*"/g, '""').replaceAll(/\[[^\]]*\]/g, '');
  for (const [, name = '', selector = ''] of bare.matchAll(/\b([a-z_][a-z0-9_]*)\b(?:\{([^}]*)\})?/g)) {
    const labels = labelsBySeries.get(name);
    if (labels === undefined) continue;
    names.add(name);
    for (const [, label = ''] of selector.matchAll(/([a-z0-9_]+)\s*(?:=|!=|=~|!~)\s*""/g))
      if (!labels.includes(label)) faults.push(`${name} has no label ${label}`);
  }
  const known = new Set([...names].flatMap((name) => labelsBySeries.get(name) ?? []));
  for (const [, list = ''] of bare.matchAll(/\b(?:by|on) \(([^)]*)\)/g))
    for (const label of list.split(/,\s*/).filter((one) => one !== ''))
      if (!known.has(label)) faults.push(`no metric here has the label ${label}`);
  const outside = bare.replaceAll(/\{[^}]*\}/g, '').replaceAll(/\b(?:by|on) \([^)]*\)/g, '');
  for (const [name] of outside.matchAll(/\b[a-z_][a-z0-9_]*\b/g))
    if (!WORDS.test(name) && !labelsBySeries.has(name) && !/^\d+m$/.test(name))
      faults.push(`no metric ${name}`);
  return faults;
}

const Dashboard = z.object({
  title: z.string(),
  uid: z.string(),
  templating: z.object({
    list: z.array(z.object({ name: z.string(), query: z.object({ query: z.string() }) })),
  }),
  panels: z.array(
    z.object({
      title: z.string(),
      datasource: z.object({ uid: z.string() }),
      targets: z.array(z.object({ expr: z.string(), legendFormat: z.string() })).min(1),
    }),
  ),
});
const files = globSync('grafana/dashboards/*.json', { cwd: join(ROOT, FOLDER) });

describe('the check of an expression', () => {
  it.each([
    ['sum by (operation) (rate(throughline_jobs_ended_total{outcome="failed"}[5m]))', []],
    ['sum(throughline_jobs_gone_total)', ['no metric throughline_jobs_gone_total']],
    ['max(throughline_slots_taken{lane="a"})', ['throughline_slots_taken has no label lane']],
    ['sum by (lane) (throughline_slots_taken)', ['no metric here has the label lane']],
    ['sum(throughline_job_queue_time_seconds)', ['no metric throughline_job_queue_time_seconds']],
  ])('%s', (expression, faults) => {
    expect(faultsOf(expression)).toEqual(faults);
  });
});

describe('the dashboards', () => {
  it('are about operations, tenants, bridges and traces, and have different ids', () => {
    const uids = files.map((file) => Dashboard.parse(JSON.parse(read(join(FOLDER, file)))).uid);
    expect(new Set(uids).size).toBe(4);
  });

  describe.each(files)('%s', (file) => {
    const { panels, templating } = Dashboard.parse(JSON.parse(read(join(FOLDER, file))));

    it.each(panels)('$title: asks only for metrics and labels that are there', ({ targets, datasource }) => {
      expect(read(`${FOLDER}/grafana/datasources.yaml`)).toContain(`uid: ${datasource.uid}`);
      for (const { expr, legendFormat } of targets) {
        expect(faultsOf(expr), expr).toEqual([]);
        const grouped = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/));
        const shown = [...legendFormat.matchAll(/\{\{([a-z_]+)\}\}/g)].map(([, label = '']) => label);
        expect(
          shown.filter((label) => !grouped.includes(label)),
          expr,
        ).toEqual([]);
      }
    });

    it('has variables whose values come from a metric that is there', () => {
      for (const { query } of templating.list) {
        const [, metric = '', label = ''] = /^label_values\(([a-z_]+), ([a-z_]+)\)$/.exec(query.query) ?? [];
        expect(labelsBySeries.get(metric)).toContain(label);
      }
    });
  });
});

describe('the alerts', () => {
  const alerts = read(`${FOLDER}/alerts.yaml`)
    .split('- alert: ')
    .slice(1)
    .map((text) => {
      const [name = ''] = text.split('\n', 1);
      const expression = / expr: >-\n([\s\S]*?)\n {8}(?:for|labels):/.exec(text)?.[1] ?? '';
      return { name, expression, text };
    });

  it.each(alerts)(
    '$name: says what it means, how urgent it is, and where it is said what to do',
    ({ name, expression, text }) => {
      expect(expression).not.toBe('');
      expect(faultsOf(expression)).toEqual([]);
      expect(text).toMatch(/severity: (?:page|ticket)\}/);
      expect(text).toMatch(/summary: ".+\."/);
      const [, anchor = ''] = /runbook_url: docs\/OPERATING\.md#(\S+)/.exec(text) ?? [];
      expect(anchor).toBe(name.toLowerCase());
    },
  );

  it('have a heading in the runbook each, which is about nothing else', () => {
    const runbook = read('docs/OPERATING.md');
    const [, part = ''] = /^## When an alert fires$([\s\S]*?)^## /m.exec(runbook) ?? [];
    const headings = [...part.matchAll(/^### (\S+)$/gm)].map(([, name]) => name);
    expect(headings.toSorted()).toEqual(alerts.map(({ name }) => name).toSorted());
  });

  it('have at least one test each', () => {
    const tests = read(`${FOLDER}/alerts.test.yaml`);
    const tested = new Set([...tests.matchAll(/\{alertname="(\w+)"\}/g)].map(([, name]) => name));
    expect([...tested].toSorted()).toEqual(alerts.map(({ name }) => name).toSorted());
  });
});

describe('the Collector', () => {
  it('keeps traces by attributes that spans have', () => {
    const names = ['shared/trace/semantics.ts', 'shared/trace/canary.ts'].map(read).join('');
    const keys = [...read(`${FOLDER}/collector.yaml`).matchAll(/_attribute: \{key: ([a-z_.]+)/g)];
    expect(keys.length).toBeGreaterThan(3);
    for (const [, key = ''] of keys) expect(names).toContain(`'${key}'`);
  });
});
