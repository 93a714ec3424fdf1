import { createServer } from 'node:http';
import { expect, it } from 'vitest';
import * as z from 'zod';
import { listening } from '../../../support/http/listening.ts';
import { metricsOf } from '../../../support/http/metrics.ts';
import { until } from '../../../support/poll.ts';
import { otlpReceiver } from '../../../support/spans/otlp-receiver.ts';
import { startTestStack } from '../../../support/stack.ts';

const CAPACITY = 500;
const SOON = {
  OTEL_LOGS_EXPORTER: 'otlp',
  OTEL_EXPORTER_OTLP_TIMEOUT: '2000',
  OTEL_BSP_SCHEDULE_DELAY: '10',
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1',
  OTEL_BSP_MAX_QUEUE_SIZE: String(CAPACITY),
  OTEL_BLRP_SCHEDULE_DELAY: '10',
};
const EXPORTED = 'otel_sdk_exporter_span_exported_total';
const FAILED = 'error_type="export_failed"';

const MetricsExport = z.object({
  resourceMetrics: z.array(
    z.object({
      scopeMetrics: z.array(
        z.object({ scope: z.object({ name: z.string() }), metrics: z.array(z.object({ name: z.string() })) }),
      ),
    }),
  ),
});

/** A worker that sends to a collector, and functions that read its metrics. */
async function workerWith(url: string) {
  const stack = await startTestStack({ worker: { OTEL_EXPORTER_OTLP_ENDPOINT: url, ...SOON } });
  /** The value of a series with this label alone, or without one; undefined: it has no such series. */
  const read = async (name: string, label = ''): Promise<number | undefined> => {
    const text = await metricsOf(stack.worker.healthUrl);
    const series = `${name}{${label === '' ? '' : `${label},`}otel_scope_name=`;
    const line = text.split('\n').find((one) => one.startsWith(series));
    return line === undefined ? undefined : Number(line.split(' ').at(-1));
  };
  const above = (least: number, name: string, label?: string): Promise<unknown> =>
    until(name, async () => ((await read(name, label)) ?? 0) > least);
  return { stack, read, above };
}

it('spans and log records that a collector takes are counted as exported, without an error', async () => {
  const { stack, read, above } = await workerWith((await otlpReceiver()).url);
  await stack.run('echo', 1);
  await above(0, EXPORTED);
  await above(0, 'otel_sdk_exporter_log_exported_total');
  expect(await read(EXPORTED, FAILED)).toBe(0);
  expect(await read('otel_sdk_processor_span_queue_capacity')).toBe(CAPACITY);
  expect(await read('otel_sdk_processor_log_queue_capacity')).toBe(2_048);
});

it('spans and log records that a collector refuses are counted as exported with an error, and as lost', async () => {
  const { stack, read, above } = await workerWith((await otlpReceiver({ status: 500 })).url);
  await stack.run('echo', 1);
  await above(0, EXPORTED, FAILED);
  await above(0, 'otel_sdk_exporter_log_exported_total', FAILED);
  await above(0, 'throughline_spans_lost_total', 'reason="exportFailed"');
  expect(await read(EXPORTED)).toBe(0);
});

it('an export of metrics has each scope once, with the histograms of the worker', async () => {
  const { url, bodies } = await otlpReceiver();
  const stack = await startTestStack({
    worker: {
      ...{ OTEL_METRICS_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${url}/v1/metrics` },
      OTEL_METRIC_EXPORT_INTERVAL: '1000',
    },
  });
  await stack.run('echo', 1);
  const scopes = await until('an export with the run time of the job', () => {
    const { resourceMetrics } = MetricsExport.parse(bodies.at(-1));
    const all = resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics);
    const names = all.flatMap(({ metrics }) => metrics.map(({ name }) => name));
    return names.includes('throughline.job.run.time') && all;
  });
  const names = scopes.map(({ scope }) => scope.name);
  expect(names).toEqual([...new Set(names)]);
  const own = scopes.find(({ scope }) => scope.name === 'throughline-worker');
  expect(own?.metrics.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['throughline.jobs.settled', 'throughline.job.run.time']),
  );
});

it('while a collector does not answer, one span is being sent, and the others wait in the queue', async () => {
  const silent = createServer((request) => void request.resume());
  const { stack, read, above } = await workerWith(await listening(silent));
  await stack.run('echo', 1);
  await above(0, 'otel_sdk_processor_span_queue_size');
  expect(await read('otel_sdk_exporter_span_inflight')).toBe(1);
  expect(await read(EXPORTED)).toBe(0);
});
