import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';

const read = (file: string): Promise<string> =>
  readFile(new URL(`../../../${file}`, import.meta.url), 'utf8');

/** The metrics of a worker, as Prometheus names them. */
async function workerMetrics(): Promise<string[]> {
  const source = await read('worker-node/telemetry/metrics.ts');
  const made = source.matchAll(/create(Observable)?(Counter|Gauge)\('([a-z_.]+)'/g);
  return [...made].map(
    ([, , kind, name = '']) => name.replaceAll('.', '_') + (kind === 'Counter' ? '_total' : ''),
  );
}

/** The metrics of the edge's bridges. */
async function bridgeMetrics(): Promise<string[]> {
  const source = await read('edge/http/routes/health.ts');
  const [, list = ''] = /const GAUGES.*?\]\[\] = \[(.*?)^\];/ms.exec(source) ?? [];
  return [...list.matchAll(/\[\s*'([a-z_]+)',\s*['"]/g)].map(([, name]) => `throughline_bridge_${name}`);
}

const known = [...(await workerMetrics()), ...(await bridgeMetrics())];

describe.each(['deploy/README.md', 'deploy/compose/alerts.yaml'])('%s', (file) => {
  it('names only metrics that a worker or a bridge has', async () => {
    const named = new Set((await read(file)).match(/\bthroughline_[a-z_]+/g));
    expect(known.length).toBeGreaterThan(20);
    expect(named.size).toBeGreaterThan(8);
    expect([...named].filter((name) => !known.includes(name))).toEqual([]);
  });
});

it('each alert says how urgent it is, and what it means', async () => {
  const alerts = (await read('deploy/compose/alerts.yaml')).split('- alert: ').slice(1);
  expect(alerts.length).toBeGreaterThan(8);
  for (const alert of alerts) {
    expect(alert).toMatch(/severity: (page|ticket)}/);
    expect(alert).toMatch(/summary: ".+\."}/);
  }
});
