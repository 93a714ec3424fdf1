import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { METRIC_SECTIONS, metricsPage } from '../../scripts/metrics/page.ts';
import { prometheusName } from '../../shared/trace/metric.ts';

const ROOT = join(import.meta.dirname, '../..');
const metrics = METRIC_SECTIONS.flatMap((section) => section.metrics);

describe('docs/METRICS.md', () => {
  it('is what `npm run metrics` writes', async () => {
    expect(await readFile(join(ROOT, 'docs/METRICS.md'), 'utf8')).toBe(metricsPage());
  });

  it('defines each metric once', () => {
    expect(new Set(metrics.map(prometheusName)).size).toBe(metrics.length);
    expect(new Set(metrics.map(({ name }) => name)).size).toBe(metrics.length);
  });

  it.each(metrics.map((metric) => ({ ...metric, files: metric.where.split(', ') })))(
    '$name says where it is counted, in what, and what bounds its labels',
    ({ files, unit, description, attributes }) => {
      expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
      expect(unit).toMatch(/^(?:s|By|1|\{[a-z_]+\})$/);
      expect(description).toMatch(/^[A-Z0-9].*\.$/);
      for (const values of Object.values(attributes))
        expect('bounded' in values ? values.bounded : values.length).toBeTruthy();
    },
  );

  it('has figures that Prometheus reads from our names', () => {
    const named = (name: string, instrument: 'counter' | 'gauge' | 'histogram', unit: string): string =>
      prometheusName({ name, instrument, unit });
    expect(named('messaging.process.duration', 'histogram', 's')).toBe('messaging_process_duration_seconds');
    expect(named('throughline.stream.max_bytes', 'gauge', 'By')).toBe('throughline_stream_max_bytes');
    expect(named('throughline.jobs.ended', 'counter', '{job}')).toBe('throughline_jobs_ended_total');
    expect(named('nodejs.eventloop.utilization', 'gauge', '1')).toBe('nodejs_eventloop_utilization_ratio');
  });
});
