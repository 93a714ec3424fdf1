import { expect, it } from 'vitest';
import { logVariables } from '../../../worker-node/telemetry/export/logs/log-settings.ts';
import { NODE_OTEL_SETTINGS } from '../../../worker-node/telemetry/sdk-settings.ts';
import { until } from '../../support/poll.ts';
import { makeSpans } from '../../support/spans/make-spans.ts';
import { headerOf, type OtlpReceiver, otlpReceiver } from '../../support/spans/otlp-receiver.ts';

/** What a variable must change: it is given what arrived, and how many exports there were. */
interface Row {
  readonly value: string;
  readonly more?: Readonly<Record<string, string>>;
  readonly spans?: number;
  readonly holds: (arrived: OtlpReceiver) => unknown;
}

const one = ({ spans }: OtlpReceiver) => spans[0];
const events = (arrived: OtlpReceiver) => one(arrived)?.events ?? [];
const nothing = ({ requests }: OtlpReceiver): void => expect(requests).toEqual([]);

/** One row for each variable of the page, and what shows that the worker keeps it. */
const ROWS: Readonly<Record<string, Row>> = {
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    value: '<receiver>',
    holds: ({ requests }) => expect(requests[0]?.url).toBe('/v1/traces'),
  },
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: {
    value: '<receiver>/own',
    holds: ({ requests }) => expect(requests[0]?.url).toBe('/own'),
  },
  OTEL_EXPORTER_OTLP_HEADERS: {
    value: 'x-key=a%20b',
    holds: (arrived) => expect(headerOf(arrived, 'x-key')).toBe('a b'),
  },
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: {
    value: 'x-key=own',
    more: { OTEL_EXPORTER_OTLP_HEADERS: 'x-key=general' },
    holds: (arrived) => expect(headerOf(arrived, 'x-key')).toBe('own'),
  },
  OTEL_EXPORTER_OTLP_COMPRESSION: {
    value: 'gzip',
    holds: (arrived) =>
      expect([headerOf(arrived, 'content-encoding'), one(arrived)?.name]).toEqual(['gzip', 'span 0']),
  },
  OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: {
    value: 'gzip',
    more: { OTEL_EXPORTER_OTLP_COMPRESSION: 'none' },
    holds: (arrived) => expect(headerOf(arrived, 'content-encoding')).toBe('gzip'),
  },
  OTEL_EXPORTER_OTLP_PROTOCOL: {
    value: 'http/json',
    holds: (arrived) => expect(headerOf(arrived, 'content-type')).toBe('application/json'),
  },
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: {
    value: 'http/json',
    holds: (arrived) => expect(headerOf(arrived, 'content-type')).toBe('application/json'),
  },
  OTEL_TRACES_EXPORTER: { value: 'none', holds: nothing },
  OTEL_SDK_DISABLED: { value: 'true', holds: nothing },
  OTEL_TRACES_SAMPLER: { value: 'always_off', holds: nothing },
  OTEL_TRACES_SAMPLER_ARG: {
    value: '0',
    more: { OTEL_TRACES_SAMPLER: 'traceidratio' },
    holds: nothing,
  },
  OTEL_SERVICE_NAME: { value: 'named', holds: (arrived) => expect(one(arrived)?.service).toBe('named') },
  OTEL_RESOURCE_ATTRIBUTES: {
    value: 'team=a%20b,service.namespace=shop',
    holds: (arrived) =>
      expect(one(arrived)?.resource).toMatchObject({ team: 'a b', 'service.namespace': 'shop' }),
  },
  OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: {
    value: '5',
    holds: (arrived) => expect(one(arrived)?.attributes).toMatchObject({ text: 'xxxxx' }),
  },
  OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: {
    value: '7',
    more: { OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: '5' },
    holds: (arrived) => expect(one(arrived)?.attributes).toMatchObject({ text: 'xxxxxxx' }),
  },
  OTEL_ATTRIBUTE_COUNT_LIMIT: {
    value: '1',
    holds: (arrived) => expect(Object.keys(one(arrived)?.attributes ?? {})).toHaveLength(1),
  },
  OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: {
    value: '1',
    holds: (arrived) => expect(Object.keys(one(arrived)?.attributes ?? {})).toHaveLength(1),
  },
  OTEL_SPAN_EVENT_COUNT_LIMIT: { value: '2', holds: (arrived) => expect(events(arrived)).toHaveLength(2) },
  OTEL_SPAN_LINK_COUNT_LIMIT: {
    value: '1',
    holds: (arrived) => expect(one(arrived)?.links).toHaveLength(1),
  },
  OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT: {
    value: '1',
    holds: (arrived) =>
      expect(events(arrived).map(({ attributes }) => Object.keys(attributes).length)).toEqual([1, 1, 1]),
  },
  OTEL_LINK_ATTRIBUTE_COUNT_LIMIT: {
    value: '1',
    holds: (arrived) => expect(Object.keys(one(arrived)?.links[0]?.attributes ?? {})).toHaveLength(1),
  },
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: {
    value: '2',
    spans: 6,
    holds: ({ requests, spans }) => expect([requests.length, spans.length]).toEqual([3, 6]),
  },
  OTEL_BSP_MAX_QUEUE_SIZE: {
    value: '4',
    spans: 20,
    holds: ({ spans }) => expect(spans.length).toBeLessThan(20),
  },
};

/** Variables that other tests hold: what they change is no part of an export. */
const ELSEWHERE = [
  // test/observability/otlp.test.ts
  'OTEL_METRICS_EXPORTER',
  'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT',
  'OTEL_EXPORTER_OTLP_METRICS_HEADERS',
  'OTEL_METRIC_EXPORT_INTERVAL',
  // test/unit/shared/trace/settings/metrics-settings.test.ts
  'OTEL_EXPORTER_OTLP_METRICS_COMPRESSION',
  'OTEL_EXPORTER_OTLP_METRICS_TIMEOUT',
  'OTEL_EXPORTER_OTLP_METRICS_PROTOCOL',
  // test/e2e/trace/log-variables.test.ts
  ...Object.keys(logVariables),
  // test/e2e/trace/lost/lost-spans.test.ts
  'OTEL_EXPORTER_OTLP_TIMEOUT',
  'OTEL_EXPORTER_OTLP_TRACES_TIMEOUT',
  'OTEL_LOG_LEVEL',
  // Below.
  'OTEL_BSP_SCHEDULE_DELAY',
  'OTEL_BSP_EXPORT_TIMEOUT',
  // test/unit/worker-node/telemetry/tracing.test.ts: there is only one value.
  'OTEL_PROPAGATORS',
];

it('each variable that the page lists for the worker has a row', () => {
  expect([...Object.keys(ROWS), ...ELSEWHERE].sort()).toEqual(Object.keys(NODE_OTEL_SETTINGS).sort());
});

it.each(Object.entries(ROWS))(
  '%s is kept by the worker',
  async (name, { value, more = {}, spans = 1, holds }) => {
    const receiver = await otlpReceiver();
    const endpoint = name.endsWith('TRACES_ENDPOINT') ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
    const settings = { ...endpoint, ...more, [name]: value.replace('<receiver>', receiver.url) };
    const { warnings } = await makeSpans(settings, spans);
    expect(warnings).toEqual([]);
    holds(receiver);
  },
);

it('spans wait for OTEL_BSP_SCHEDULE_DELAY, and no longer', async () => {
  const receiver = await otlpReceiver();
  const settings = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_BSP_SCHEDULE_DELAY: '10' };
  // The process stops only when the span has left by itself.
  await makeSpans(settings, 1, () => until('the span', () => receiver.spans.length === 1));
});

it('a batch is given up after OTEL_BSP_EXPORT_TIMEOUT, so that the next one can start', async () => {
  // Without a `Retry-After`: a collector that asks for a pause gets it from all batches.
  const receiver = await otlpReceiver({ status: 503 }, {});
  const settings = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_BSP_EXPORT_TIMEOUT: '50',
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1',
    OTEL_BSP_SCHEDULE_DELAY: '10',
  };
  await makeSpans(settings, 2, () => until('both spans', () => receiver.spans.length === 2));
  expect(receiver.spans.map(({ name }) => name)[0]).toBe('span 1');
});
