import { expect, it } from 'vitest';
import { metricsTarget } from '../../../../../shared/trace/settings/metrics-settings.ts';
import { readOtelSettings } from '../../../../../shared/trace/settings/otel-settings.ts';

const DEFAULTS = {
  maxQueueSize: 2_048,
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
