import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { scratchFolder } from '../../support/cleanup.ts';
import { start } from '../../support/cli/process.ts';
import { nowhere } from '../../support/cli/servers.ts';
import { until } from '../../support/poll.ts';
import { makeLogs } from '../../support/spans/make-spans.ts';
import { type OtlpReceiver, otlpReceiver } from '../../support/spans/otlp-receiver.ts';
import { startTestStack } from '../../support/stack.ts';

const NONE = { queueFull: 0, exportFailed: 0, rejected: 0 };
/** How long one export may take, with its tries. */
const SOON = { OTEL_EXPORTER_OTLP_TIMEOUT: '1500' };
const bodies = ({ logs }: OtlpReceiver): string[] => logs.map(({ body }) => body);

it('a log record has what the line on stdout has: level, time, message, ids and all other fields', async () => {
  const receiver = await otlpReceiver();
  const { lines, warnings } = await makeLogs({
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_TRACES_EXPORTER: 'otlp',
  });
  expect(warnings).toEqual([]);
  const sent = receiver.logs.map((record) => ({
    ...record.attributes,
    level: record.severityText,
    time: new Date(Number(BigInt(record.timeUnixNano) / 1_000_000n)).toISOString(),
    service: record.resource['service.name'],
    msg: record.body,
    ...(record.traceId === undefined ? {} : { trace_id: record.traceId, span_id: record.spanId }),
  }));
  expect(sent).toEqual(lines);
  expect(lines).toMatchObject([{ msg: 'before the start' }, { number: 0, trace_id: expect.any(String) }]);
  const [early, inSpan] = receiver.logs;
  const [span] = receiver.spans;
  expect(early).toMatchObject({ severityNumber: 9, severityText: 'info' });
  expect(early).not.toHaveProperty('traceId');
  expect(inSpan).toMatchObject({ traceId: span?.traceId, spanId: span?.spanId, flags: 1 });
  expect(inSpan?.resource).toEqual(span?.resource);
});

it('nothing is sent without OTEL_LOGS_EXPORTER=otlp, and the lines stand on stdout all the same', async () => {
  const { url, requests } = await otlpReceiver();
  for (const exporter of ['none', '']) {
    const settings = { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_LOGS_EXPORTER: exporter };
    expect((await makeLogs(settings)).lines).toHaveLength(2);
  }
  expect(requests).toEqual([]);
});

it('who asks for log records and names no endpoint is told', async () => {
  expect((await makeLogs({})).warnings).toEqual([
    'OTEL_LOGS_EXPORTER: nothing is sent without OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_LOGS_ENDPOINT',
  ]);
});

it.each([
  ['500', { status: 500 }, 'status 500'],
  [
    '429 with a Retry-After that is too long to wait',
    { status: 429, headers: { 'retry-after': '60' } },
    'status 429, 502, 503 or 504, also after more tries',
  ],
])(
  'log records are counted and said when the collector answers %s, and that line is not sent',
  async (_case, answer, reason) => {
    const receiver = await otlpReceiver(answer);
    const settings = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, ...SOON };
    const { counts, said, lines } = await makeLogs(settings, 3);
    expect(counts).toEqual({ ...NONE, exportFailed: 4 });
    expect(said).toEqual([{ signal: 'logs', ...counts, reason }]);
    expect(lines.map(({ msg }) => msg)).toContain('log records were lost');
    expect(receiver.requests).toHaveLength(1);
  },
);

it('a collector that nobody runs costs no line on stdout, and every record is counted', async () => {
  const { counts, lines } = await makeLogs(
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', ...SOON },
    10,
  );
  expect(counts).toEqual({ ...NONE, exportFailed: 11 });
  expect(lines.filter(({ level }) => level === 'info')).toHaveLength(11);
});

it('the log records that a collector rejects from a batch are counted, with what it says about them', async () => {
  const partialSuccess = { rejectedLogRecords: '2', errorMessage: 'too old' };
  const { url } = await otlpReceiver({ body: { partialSuccess } });
  const { counts, said } = await makeLogs({ OTEL_EXPORTER_OTLP_ENDPOINT: url }, 5);
  expect(counts).toEqual({ ...NONE, rejected: 2 });
  expect(said).toMatchObject([{ reason: 'the collector rejected log records: too old' }]);
});

it('log records that wait while the collector is busy are sent after its Retry-After, and none is lost', async () => {
  const receiver = await otlpReceiver({ status: 429, headers: { 'retry-after': '1' } }, {});
  const { counts } = await makeLogs({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url }, 3);
  expect(receiver.requests).toHaveLength(2);
  expect(bodies(receiver)).toEqual(['before the start', 'line 0', 'line 1', 'line 2']);
  expect(counts).toEqual(NONE);
});

it('log records beyond the queue are counted, even while an export waits, and memory stays small', async () => {
  const receiver = await otlpReceiver({ status: 429, headers: { 'retry-after': '1' } }, {});
  const settings = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_BLRP_MAX_QUEUE_SIZE: '100' };
  const { counts, said, heap } = await makeLogs({ ...settings, FLOOD: '100000' });
  expect(receiver.logs.length + (counts.queueFull ?? 0)).toBe(100_002);
  expect(counts).toEqual({ ...NONE, queueFull: expect.any(Number) });
  expect(said[0]?.reason).toBe('100 log records wait already (OTEL_BLRP_MAX_QUEUE_SIZE)');
  // They are more than 100 MB.
  expect(heap).toBeLessThan(60_000_000);
});

it('at the end, all batches that are left have the time of one export together', async () => {
  const receiver = await otlpReceiver({ status: 503 });
  const settings = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_TIMEOUT: '1000',
    OTEL_BLRP_MAX_EXPORT_BATCH_SIZE: '1',
    OTEL_BLRP_SCHEDULE_DELAY: '60000',
  };
  const { counts, said } = await makeLogs(settings, 30);
  expect(counts).toEqual({ ...NONE, exportFailed: 31 });
  expect(said.at(-1)?.reason).toBe('the process ends');
});

it('a worker sends the line of a job with the ids of its span, and the lines of its start and its end', async () => {
  const receiver = await otlpReceiver();
  const stack = await startTestStack({
    worker: { OTEL_LOGS_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: `${receiver.url}/v1/logs` },
  });
  const job = await stack.run('echo', 1);
  const record = await until('the record', () => receiver.logs.find(({ body }) => body === 'job ended'));
  const [line] = await stack.logged(({ msg, job_id }) => msg === 'job ended' && job_id === job.id);
  expect(record).toMatchObject({ traceId: job.traceId, spanId: line?.span_id, flags: 1 });
  expect(record.attributes).toMatchObject({
    job_id: job.id,
    operation: 'echo',
    duration_ms: line?.duration_ms,
  });
  await stack.stop();
  expect(bodies(receiver)).toEqual(
    expect.arrayContaining(['worker ready', 'worker stopping', 'worker stopped']),
  );
});

it.each([
  ['NATS is away', '', 3],
  ['its operations cannot be loaded', 'export default 5;', 78],
])(
  'a worker that does not start because %s sends what it has logged until then',
  async (_why, text, code) => {
    const receiver = await otlpReceiver();
    const folder = await scratchFolder();
    await writeFile(path.join(folder, 'own.mjs'), text);
    const operations = text === '' ? [] : [folder];
    const worker = start(['worker', ...operations], {
      NATS_URL: (await nowhere()).replace('http:', 'nats:'),
      WORKER_CONCURENCY: '5',
      OTEL_LOGS_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    });
    expect((await once(worker, 'close'))[0]).toBe(code);
    expect(bodies(receiver)).toEqual(['setting ignored']);
  },
);
