import { expect, it } from 'vitest';
import { readNodeOtelSettings } from '../../../../worker-node/telemetry/sdk-settings.ts';
import { withoutFraming } from '../../../../worker-node/telemetry/target-warnings.ts';

const warningsOf = (environment: Record<string, string>) => readNodeOtelSettings(environment).warnings;

it.each(['http://collector:4318/v1/traces', 'http://collector:4318/v1/logs/'])(
  'an endpoint that ends with the path that is added to it is named: %s',
  (url) => {
    const [warning] = warningsOf({ OTEL_EXPORTER_OTLP_ENDPOINT: url });
    expect(warning).toMatch(/^OTEL_EXPORTER_OTLP_ENDPOINT: it ends with \/v1\/\w+, which is added to it/);
  },
);

it('an endpoint of one signal that has no path is named, since nothing is added to it', () => {
  const warning =
    'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: it is used as it is, and has no path; collectors listen at /v1/traces';
  expect(warningsOf({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318' })).toEqual([warning]);
});

it.each([
  { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' },
  { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://vendor.example/otlp' },
  { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces' },
])('an endpoint as it should be is not named: %j', (environment) => {
  expect(warningsOf(environment)).toEqual([]);
});

it('a header that says how a request is written is not sent, and named', () => {
  const headers = 'Content-Length=5,content-encoding=br,x-key=secret';
  expect(warningsOf({ OTEL_EXPORTER_OTLP_HEADERS: headers })).toEqual([
    'OTEL_EXPORTER_OTLP_HEADERS: content-length is set by the exporter itself, so it is ignored',
    'OTEL_EXPORTER_OTLP_HEADERS: content-encoding is set by the exporter itself, so it is ignored',
  ]);
  expect(withoutFraming({ 'content-length': '5', 'x-key': 'secret' })).toEqual({ 'x-key': 'secret' });
});
