import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { METRIC_SECTIONS } from '../../../scripts/metrics/page.ts';
import { prometheusName } from '../../../shared/trace/metric.ts';

const read = (file: string): Promise<string> =>
  readFile(new URL(`../../../${file}`, import.meta.url), 'utf8');

const known = METRIC_SECTIONS.flatMap(({ metrics }) => metrics.map(prometheusName));

describe.each(['deploy/README.md', 'deploy/observability/alerts.yaml'])('%s', (file) => {
  it('names only metrics that a worker or a bridge has', async () => {
    const named = new Set((await read(file)).match(/\bthroughline_[a-z_]+/g));
    expect(known.length).toBeGreaterThan(20);
    expect(named.size).toBeGreaterThan(8);
    expect([...named].filter((name) => !known.includes(name))).toEqual([]);
  });
});
