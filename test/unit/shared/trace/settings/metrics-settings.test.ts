import { expect, it } from 'vitest';
import { metricsTarget } from '../../../../../shared/trace/settings/metrics-settings.ts';
import { readOtelSettings } from '../../../../../shared/trace/settings/otel-settings.ts';

const DEFAULTS = {
  maxQueueSize: 2_048,
  maxBatchSize: 512,
  scheduleDelayMs: { fallback: 500, max: 60_000 },
  exportTimeoutMs: { fallback: 20_000, max: 20_000 },
};
const targetOf = (values: Record<string, string>) =>
  metricsTarget(readOtelSettings(values, DEFAULTS).settings);
const BASE = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://ann:pw@collector:4318/' };
const ON = { ...BASE, OTEL_METRICS_EXPORTER: 'otlp' };

it.each([
  ['nobody asks for it', BASE],
  ['they are off', { ...BASE, OTEL_METRICS_EXPORTER: 'none' }],
  ['the SDK is off', { ...ON, OTEL_SDK_DISABLED: 'true' }],
  ['there is no endpoint', { OTEL_METRICS_EXPORTER: 'otlp' }],
])('metrics are not sent if %s', (_what, values) => {
  expect(targetOf(values)).toBeUndefined();
});

it('metrics go to the endpoint of all signals, with its login', () => {
  expect(targetOf(ON)).toEqual({
    url: 'http://collector:4318/v1/metrics',
    headers: { authorization: `Basic ${btoa('ann:pw')}` },
    gzip: false,
    timeoutMs: 10_000,
    intervalMs: 60_000,
  });
});

it('metrics have a compression and a timeout of their own, which win', () => {
  const own = {
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    OTEL_EXPORTER_OTLP_TIMEOUT: '3000',
    OTEL_EXPORTER_OTLP_METRICS_COMPRESSION: 'none',
    OTEL_EXPORTER_OTLP_METRICS_TIMEOUT: '700',
  };
  expect(targetOf({ ...ON, ...own })).toMatchObject({ gzip: false, timeoutMs: 700 });
});

it.each([
  [{ OTEL_METRICS_EXPORTER: 'otlp' }, 1],
  [{ OTEL_METRICS_EXPORTER: 'otlp', OTEL_SDK_DISABLED: 'true' }, 0],
  [{ OTEL_METRICS_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'https://figures.example' }, 0],
  [ON, 0],
])('whoever asks for metrics and names no endpoint is told: %j', (values, warnings) => {
  expect(readOtelSettings(values, DEFAULTS).warnings).toEqual(
    Array(warnings).fill(
      'OTEL_METRICS_EXPORTER: nothing is sent without OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_METRICS_ENDPOINT',
    ),
  );
});

it('metrics go to their own endpoint as it is, with their own headers, and as all signals do', () => {
  const own = {
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'https://figures.example/in',
    OTEL_EXPORTER_OTLP_HEADERS: 'a=1,b=1',
    OTEL_EXPORTER_OTLP_METRICS_HEADERS: 'b=2',
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    OTEL_EXPORTER_OTLP_TIMEOUT: '3000',
    OTEL_METRIC_EXPORT_INTERVAL: '5000',
  };
  expect(targetOf({ ...ON, ...own })).toEqual({
    url: 'https://figures.example/in',
    headers: { a: '1', b: '2' },
    gzip: true,
    timeoutMs: 3_000,
    intervalMs: 5_000,
  });
});
