import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { METRIC_SECTIONS } from '../../scripts/metrics/page.ts';
import { listening } from '../support/http/listening.ts';
import { until } from '../support/poll.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

const KeyValues = z.array(z.object({ key: z.string(), value: z.record(z.string(), z.unknown()) }));
const Point = z.object({
  attributes: KeyValues.default([]),
  timeUnixNano: z.string(),
  startTimeUnixNano: z.string(),
  asInt: z.coerce.number().optional(),
  asDouble: z.number().optional(),
  count: z.coerce.number().optional(),
  sum: z.number().optional(),
  bucketCounts: z.array(z.coerce.number()).optional(),
  explicitBounds: z.array(z.number()).optional(),
});
const Points = z.object({ dataPoints: z.array(Point), aggregationTemporality: z.number().optional() });
const Metric = z.object({
  name: z.string(),
  unit: z.string().default(''),
  sum: Points.extend({ isMonotonic: z.boolean() }).optional(),
  histogram: Points.optional(),
  gauge: z.object({ dataPoints: z.array(z.unknown()) }).optional(),
});
/** `ExportMetricsServiceRequest` of OTLP, as far as the tests read it. */
const Export = z.object({
  resourceMetrics: z.array(
    z.object({
      resource: z.object({ attributes: KeyValues }),
      scopeMetrics: z.array(z.object({ metrics: z.array(Metric) })),
    }),
  ),
});
type Metric = z.infer<typeof Metric>;

const received: z.infer<typeof Export>[] = [];
const logins: (string | undefined)[] = [];
const encodings: (string | undefined)[] = [];
let stack: TestStack;

beforeAll(async () => {
  const settings = {
    OTEL_METRICS_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${await startReceiver()}/v1/metrics`,
    OTEL_EXPORTER_OTLP_METRICS_HEADERS: 'x-login=figures',
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    OTEL_METRIC_EXPORT_INTERVAL: '1000',
  };
  stack = await startTestStack({ edge: settings, worker: settings });
});

async function startReceiver(): Promise<string> {
  const server = createServer((request, response) => {
    logins.push(request.headers['x-login'] as string | undefined);
    encodings.push(request.headers['content-encoding']);
    void buffer(request).then((body) => {
      received.push(Export.parse(JSON.parse(gunzipSync(body).toString('utf8'))));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  return await listening(server);
}

/** The newest export of a service: its metrics by name. */
function newestOf(service: string): Map<string, Metric> | undefined {
  for (const { resourceMetrics } of received.toReversed())
    for (const { resource, scopeMetrics } of resourceMetrics) {
      const name = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue;
      if (name !== service) continue;
      return new Map(scopeMetrics.flatMap(({ metrics }) => metrics).map((metric) => [metric.name, metric]));
    }
  return undefined;
}

function figureOf(metric: Metric | undefined, attributes: Readonly<Record<string, unknown>>): number {
  const points = (metric?.sum ?? metric?.histogram)?.dataPoints ?? [];
  const found = points.find((point) =>
    Object.entries(attributes).every(([key, wanted]) =>
      point.attributes.some(({ key: name, value }) => name === key && Object.values(value)[0] === wanted),
    ),
  );
  return found?.asInt ?? found?.asDouble ?? found?.count ?? 0;
}

describe('metrics that are sent as OTLP', () => {
  it('leave the worker, and count what happened', async () => {
    await stack.run('echo', 1);
    const ended = { operation: 'echo', outcome: 'succeeded' };
    await until(
      'the job is counted',
      () => figureOf(newestOf('throughline-worker')?.get('throughline.jobs.ended'), ended) > 0,
    );
    const metrics = newestOf('throughline-worker');
    expect(metrics?.get('messaging.process.duration')?.unit).toBe('s');
  });

  it('leave the edge with a request after each interval, and count what happened', async () => {
    const route = { 'http.route': '/v1/jobs', 'http.response.status_code': 200 };
    await until('the requests are counted', async () => {
      await stack.run('echo', 1);
      return figureOf(newestOf('throughline-edge')?.get('http.server.request.duration'), route) >= 2;
    });
    const durations = newestOf('throughline-edge')?.get('http.server.request.duration')?.histogram;
    for (const { count = 0, bucketCounts = [], explicitBounds = [] } of durations?.dataPoints ?? []) {
      expect(bucketCounts).toHaveLength(explicitBounds.length + 1);
      expect(bucketCounts.reduce((sum, one) => sum + one, 0)).toBe(count);
    }
  });

  it('have the names of docs/METRICS.md, cumulative values, and the headers and the compression of the settings', () => {
    const known = METRIC_SECTIONS.flatMap(({ metrics }) => metrics.map(({ name }) => name));
    for (const service of ['throughline-worker', 'throughline-edge'])
      for (const [name, { sum, histogram }] of newestOf(service) ?? []) {
        if (name.startsWith('throughline.')) expect(known).toContain(name);
        for (const points of [sum, histogram]) if (points) expect(points.aggregationTemporality).toBe(2);
      }
    expect(new Set(logins)).toEqual(new Set(['figures']));
    expect(new Set(encodings)).toEqual(new Set(['gzip']));
  });
});
