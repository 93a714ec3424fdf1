import { expect, it } from 'vitest';
import { logVariables } from '../../../worker-node/telemetry/export/logs/log-settings.ts';
import { until } from '../../support/poll.ts';
import { makeLogs } from '../../support/spans/make-spans.ts';
import { headerOf, type OtlpReceiver, otlpReceiver } from '../../support/spans/otlp-receiver.ts';

/** What a variable must change: it is given what arrived, and how many lines were logged after the first one. */
interface Row {
  readonly value: string;
  readonly more?: Readonly<Record<string, string>>;
  readonly lines?: number;
  readonly until?: (arrived: OtlpReceiver) => unknown;
  readonly holds: (arrived: OtlpReceiver) => unknown;
}

const last = ({ logs }: OtlpReceiver) => logs.at(-1);

/** One row for each variable for logs, and what shows that the worker keeps it. */
const ROWS: Readonly<Record<string, Row>> = {
  OTEL_LOGS_EXPORTER: { value: 'none', holds: ({ requests }) => expect(requests).toEqual([]) },
  OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: {
    value: '<receiver>/own',
    holds: ({ requests }) => expect(requests[0]?.url).toBe('/own'),
  },
  OTEL_EXPORTER_OTLP_LOGS_HEADERS: {
    value: 'x-key=own',
    more: { OTEL_EXPORTER_OTLP_HEADERS: 'x-key=general,x-more=1' },
    holds: (arrived) =>
      expect([headerOf(arrived, 'x-key'), headerOf(arrived, 'x-more')]).toEqual(['own', '1']),
  },
  OTEL_EXPORTER_OTLP_LOGS_COMPRESSION: {
    value: 'gzip',
    more: { OTEL_EXPORTER_OTLP_COMPRESSION: 'none' },
    holds: (arrived) =>
      expect([headerOf(arrived, 'content-encoding'), last(arrived)?.body]).toEqual(['gzip', 'line 0']),
  },
  OTEL_EXPORTER_OTLP_LOGS_PROTOCOL: {
    value: 'http/json',
    holds: (arrived) => expect(headerOf(arrived, 'content-type')).toBe('application/json'),
  },
  OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: {
    value: '2',
    lines: 5,
    holds: ({ requests, logs }) => expect([requests.length, logs.length]).toEqual([3, 6]),
  },
  OTEL_BLRP_MAX_QUEUE_SIZE: {
    value: '4',
    lines: 20,
    holds: ({ logs }) => expect(logs.length).toBeLessThan(21),
  },
  OTEL_BLRP_SCHEDULE_DELAY: {
    value: '10',
    // The process stops only when the records have left by themselves.
    until: ({ logs }) => logs.length === 2,
    holds: ({ logs }) => expect(logs).toHaveLength(2),
  },
  OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT: {
    value: '1',
    more: { OTEL_ATTRIBUTE_COUNT_LIMIT: '2' },
    holds: (arrived) =>
      expect(last(arrived)).toMatchObject({ attributes: { number: 0 }, droppedAttributesCount: 1 }),
  },
  OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT: {
    value: '7',
    more: { OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: '5' },
    holds: (arrived) => expect(last(arrived)?.attributes).toMatchObject({ text: 'xxxxxxx' }),
  },
};

/** Below. */
const ELSEWHERE = ['OTEL_EXPORTER_OTLP_LOGS_TIMEOUT', 'OTEL_BLRP_EXPORT_TIMEOUT'];

it('each variable for logs has a row', () => {
  expect([...Object.keys(ROWS), ...ELSEWHERE].sort()).toEqual(Object.keys(logVariables).sort());
});

it.each(Object.entries(ROWS))(
  '%s is kept by the worker',
  async (name, { value, more = {}, lines = 1, until: isDone = () => true, holds }) => {
    const receiver = await otlpReceiver();
    const endpoint = name.endsWith('LOGS_ENDPOINT') ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
    const settings = { ...endpoint, ...more, [name]: value.replace('<receiver>', receiver.url) };
    const { warnings } = await makeLogs(settings, lines, () => until('what arrives', () => isDone(receiver)));
    expect(warnings).toEqual([]);
    holds(receiver);
  },
);

it('an export is tried again for OTEL_EXPORTER_OTLP_LOGS_TIMEOUT, and not for longer', async () => {
  const receiver = await otlpReceiver({ status: 503, headers: { 'retry-after': '2' } }, {});
  const settings = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_TIMEOUT: '10000',
    OTEL_EXPORTER_OTLP_LOGS_TIMEOUT: '1000',
  };
  expect((await makeLogs(settings)).counts.exportFailed).toBe(2);
  expect(receiver.requests).toHaveLength(1);
});

it('a batch is given up after OTEL_BLRP_EXPORT_TIMEOUT, so that the next one can start', async () => {
  // Without a `Retry-After`: a collector that asks for a pause gets it from all batches.
  const receiver = await otlpReceiver({ status: 503 }, {});
  const settings = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_BLRP_EXPORT_TIMEOUT: '50',
    OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: '1',
    OTEL_BLRP_SCHEDULE_DELAY: '10',
  };
  const { counts } = await makeLogs(settings, 1, () => until('both', () => receiver.logs.length === 2));
  expect(receiver.logs.map(({ body }) => body)).toEqual(['line 0', 'before the start']);
  expect(counts.exportFailed).toBe(0);
});
