import { gzipSync } from 'node:zlib';
import { SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, type ReadableSpan, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterEach, describe, expect, it } from 'vitest';
import { type Collector, type CollectorOptions, startCollector } from '../../../dev/collector/start.ts';
import type { SpanRecord } from '../../../shared/trace/span-record.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
type Body = string | Uint8Array<ArrayBuffer>;

const JSON_TYPE = { 'content-type': 'application/json' };
const PROTOBUF_TYPE = { 'content-type': 'application/x-protobuf' };

const started: Collector[] = [];

async function start(options?: CollectorOptions): Promise<Collector> {
  const collector = await startCollector(options);
  started.push(collector);
  return collector;
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((collector) => collector.close()));
});

function post(collector: Collector, body: Body, headers: Record<string, string>): Promise<Response> {
  return fetch(`${collector.otlpUrl}/v1/traces`, { method: 'POST', body, headers });
}

/** A span in OTLP's JSON form, with only the required fields. */
function otlpSpan(spanId: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  const startTimeUnixNano = '1700000000000000000';
  return {
    traceId: TRACE,
    spanId,
    name: spanId,
    startTimeUnixNano,
    endTimeUnixNano: startTimeUnixNano,
    ...more,
  };
}

function otlpJson(...spans: unknown[]): string {
  return JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] });
}

const id = (number: number): string => number.toString(16).padStart(16, '0');
const traceOf = (number: number): string => number.toString(16).padStart(32, '0');

/** A value of every kind, as an attribute. */
const ATTRIBUTES = {
  text: 'grüße 日本',
  empty: '',
  yes: true,
  no: false,
  whole: 42,
  negative: -7,
  zero: 0,
  big: Number.MAX_SAFE_INTEGER,
  fraction: 0.25,
  list: ['a', 'b'],
  numbers: [1, 2.5],
  ['__proto__']: 'data',
};

/** Spans in the form in which the SDK gives them to an exporter. */
function readableSpans(): ReadableSpan[] {
  const context = (spanId: string) => ({ traceId: TRACE, spanId, traceFlags: TraceFlags.SAMPLED });
  const common = {
    resource: resourceFromAttributes({ 'service.name': 'throughline-worker', 'host.name': 'one' }),
    instrumentationScope: {
      name: 'test',
      version: '1',
      schemaUrl: 'https://opentelemetry.io/schemas/1.44.0',
    },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
    ended: true,
    duration: [0, 0] as [number, number],
  };
  return [
    {
      ...common,
      name: 'process image.thumbnail',
      kind: SpanKind.CONSUMER,
      spanContext: () => context(id(2)),
      parentSpanContext: context(id(1)),
      startTime: [1_700_000_000, 123_456_789],
      endTime: [1_700_000_001, 123_456_790],
      status: { code: SpanStatusCode.ERROR, message: 'HTTP 503' },
      attributes: ATTRIBUTES,
      events: [{ name: 'retrying', time: [1_700_000_000, 500_000_000], attributes: { attempt: 1 } }],
      links: [
        { context: { ...context(id(9)), traceId: 'f'.repeat(32) }, attributes: { why: 'redrive' } },
        { context: context(id(8)) },
      ],
    },
    {
      ...common,
      name: '',
      kind: SpanKind.SERVER,
      spanContext: () => context(id(1)),
      startTime: [1_699_999_999, 0],
      endTime: [1_700_000_002, 0],
      status: { code: SpanStatusCode.UNSET },
      attributes: {},
      events: [],
      links: [],
    },
  ];
}

describe('what the collector reads', () => {
  it('is the same from JSON and from protobuf', async () => {
    const fromJson = await start();
    const fromProtobuf = await start();
    const json = JsonTraceSerializer.serializeRequest(readableSpans()) ?? new Uint8Array();
    const protobuf = ProtobufTraceSerializer.serializeRequest(readableSpans()) ?? new Uint8Array();
    const jsonAnswer = await post(fromJson, Buffer.from(json), JSON_TYPE);
    expect(await jsonAnswer.text()).toBe('{}');
    const protobufAnswer = await post(fromProtobuf, Buffer.from(protobuf), PROTOBUF_TYPE);
    expect(protobufAnswer.headers.get('content-type')).toBe('application/x-protobuf');
    expect((await protobufAnswer.arrayBuffer()).byteLength).toBe(0);
    expect(fromProtobuf.spans(TRACE)).toStrictEqual(fromJson.spans(TRACE));
    expect(fromJson.spans(TRACE)).toStrictEqual(expectedSpans());
  });

  it('comes through the real exporter', async () => {
    const collector = await start();
    const exporter = new OTLPTraceExporter({ url: `${collector.otlpUrl}/v1/traces` });
    const provider = new BasicTracerProvider({
      resource: resourceFromAttributes({ 'service.name': 'real' }),
      spanProcessors: [new SimpleSpanProcessor(exporter)],
    });
    const span = provider.getTracer('test').startSpan('hello', { kind: SpanKind.PRODUCER });
    span.end();
    const { traceId } = span.spanContext();
    const [record] = await collector.waitForSpans(traceId, (spans) => spans.length === 1, 5_000);
    expect(record).toMatchObject({ service: 'real', name: 'hello', kind: 'PRODUCER', traceId });
    await provider.shutdown();
  });

  it.each([
    ['bytes', { bytesValue: 'AAEC' }, 'AAEC'],
    ['an integer beyond a safe number, as text', { intValue: '9223372036854775807' }, '9223372036854775807'],
    ['an integer as text', { intValue: '5' }, 5],
    ['a number that JSON cannot write', { doubleValue: 'NaN' }, Number.NaN],
    ['a map', { kvlistValue: { values: [{ key: 'a', value: { boolValue: true } }] } }, { a: true }],
    ['an empty list', { arrayValue: {} }, []],
    ['nothing', {}, null],
    ['a kind of value that is unknown', { newValue: 1 }, null],
  ])('keeps %s in an attribute', async (_case, value, expected) => {
    const collector = await start();
    await post(collector, otlpJson(otlpSpan(id(1), { attributes: [{ key: 'it', value }] })), JSON_TYPE);
    expect(collector.allSpans()[0]?.attributes).toEqual({ it: expected });
  });

  it('takes times as numbers, ids in capitals, and a span that has not ended', async () => {
    const collector = await start();
    const times = { startTimeUnixNano: 1_700_000_000_000_000_000, endTimeUnixNano: undefined };
    await post(
      collector,
      otlpJson(otlpSpan('ABCDEF0123456789', { traceId: TRACE.toUpperCase(), ...times })),
      JSON_TYPE,
    );
    expect(collector.spans(TRACE)).toMatchObject([
      { spanId: 'abcdef0123456789', startMs: 1_700_000_000_000, durationMs: 0 },
    ]);
  });

  it('may be compressed', async () => {
    const collector = await start();
    const body = gzipSync(otlpJson(otlpSpan(id(1))));
    const response = await post(collector, body, { ...JSON_TYPE, 'content-encoding': 'gzip' });
    expect(response.status).toBe(200);
    expect(collector.spans(TRACE)).toHaveLength(1);
  });

  it('keeps a span once when an exporter sends it twice', async () => {
    const collector = await start();
    for (let sent = 0; sent < 2; sent++) await post(collector, otlpJson(otlpSpan(id(1))), JSON_TYPE);
    expect(collector.spans(TRACE)).toHaveLength(1);
    expect(collector.requests).toBe(2);
  });
});

describe('what the collector refuses', () => {
  const valid = otlpJson(otlpSpan(id(1)));
  const gzip = { ...JSON_TYPE, 'content-encoding': 'gzip' };
  it.each<[string, number, string, Body, Record<string, string>]>([
    ['another media type', 415, 'Content-Type', valid, { 'content-type': 'text/plain' }],
    ['another content coding', 415, 'Content-Encoding', valid, { ...JSON_TYPE, 'content-encoding': 'br' }],
    ['broken JSON', 400, 'not an OTLP trace export in json', '{"resourceSpans": [', JSON_TYPE],
    ['JSON of another form', 400, 'resourceSpans is not a list', '{"resourceSpans": 1}', JSON_TYPE],
    ['JSON that is not an object', 400, 'the export is not an object', '[]', JSON_TYPE],
    [
      'broken protobuf',
      400,
      'not an OTLP trace export in protobuf',
      Buffer.from([0x0a, 0xff]),
      PROTOBUF_TYPE,
    ],
    ['a body that is not gzip', 400, 'not valid gzip', valid, gzip],
    ['more than 16 MiB', 413, '16777216', Buffer.alloc(16 * 1024 * 1024 + 1, 0x20), JSON_TYPE],
    ['more than 16 MiB, zipped', 413, '16777216', gzipSync(Buffer.alloc(17 * 1024 * 1024)), gzip],
  ])('%s: %i', async (_case, status, text, body, headers) => {
    const collector = await start();
    const response = await post(collector, body, headers);
    expect(response.status).toBe(status);
    expect(await response.text()).toContain(text);
    expect(collector.allSpans()).toEqual([]);
  });

  it.each([
    ['a short trace id', { traceId: 'abc' }],
    ['a span id of zeros', { spanId: id(0) }],
    ['a span id that is not hexadecimal', { spanId: 'g'.repeat(16) }],
    ['a time that is not a number', { startTimeUnixNano: 'yesterday' }],
    ['a name that is not text', { name: 7 }],
    ['an attribute without a key', { attributes: [{ value: {} }] }],
  ])('one span with %s, and keeps the others', async (_case, bad) => {
    const collector = await start();
    const response = await post(collector, otlpJson(otlpSpan(id(1), bad), otlpSpan(id(2))), JSON_TYPE);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ partialSuccess: { rejectedSpans: 1 } });
    expect(collector.allSpans().map((span) => span.spanId)).toEqual([id(2)]);
  });
});

describe('what the collector keeps', () => {
  it('the last traces: the one whose last span is the oldest goes first', async () => {
    const collector = await start({ maxTraces: 2 });
    for (const trace of [1, 2, 1, 3]) {
      await post(collector, otlpJson(otlpSpan(id(1), { traceId: traceOf(trace) })), JSON_TYPE);
    }
    expect([1, 2, 3].map((trace) => collector.spans(traceOf(trace)).length)).toEqual([1, 0, 1]);
  });

  it('no more spans of a trace than allowed, and says so', async () => {
    const collector = await start({ maxSpansPerTrace: 2 });
    const response = await post(collector, otlpJson(...[1, 2, 3].map((n) => otlpSpan(id(n)))), JSON_TYPE);
    const message = `trace ${TRACE} is full`;
    expect(await response.json()).toEqual({ partialSuccess: { rejectedSpans: 1, errorMessage: message } });
    expect(collector.spans(TRACE)).toHaveLength(2);
  });

  it('nothing while a test tells it to fail', async () => {
    const collector = await start();
    collector.setFailure(503);
    expect((await post(collector, otlpJson(otlpSpan(id(1))), JSON_TYPE)).status).toBe(503);
    expect(collector.allSpans()).toEqual([]);
    collector.setFailure(undefined);
    expect((await post(collector, otlpJson(otlpSpan(id(1))), JSON_TYPE)).status).toBe(200);
    expect(collector.requests).toBe(2);
  });
});

describe('what the collector shows', () => {
  const get = async (url: string): Promise<unknown> => (await fetch(url)).json();

  it('a list of traces, the newest first', async () => {
    const collector = await start();
    const child = otlpSpan(id(2), {
      traceId: traceOf(1),
      parentSpanId: id(1),
      name: 'child',
      status: { code: 2 },
    });
    await post(collector, otlpJson(child, otlpSpan(id(1), { traceId: traceOf(1), name: 'root' })), JSON_TYPE);
    await post(collector, otlpJson(otlpSpan(id(1), { traceId: traceOf(2) })), JSON_TYPE);
    expect(await get(collector.tracesUrl)).toMatchObject([
      { traceId: traceOf(2), spans: 1, errors: 0 },
      { traceId: traceOf(1), name: 'root', spans: 2, errors: 1, services: ['unknown_service'] },
    ]);
  });

  it('one trace, in the order of the start', async () => {
    const collector = await start();
    const later = otlpSpan(id(1), { startTimeUnixNano: '1700000000000001000' });
    await post(collector, otlpJson(later, otlpSpan(id(2))), JSON_TYPE);
    const shown = await get(`${collector.tracesUrl}/${TRACE.toUpperCase()}`);
    expect(shown).toEqual({ traceId: TRACE, spans: collector.spans(TRACE) });
    expect(collector.spans(TRACE).map((span) => span.spanId)).toEqual([id(2), id(1)]);
  });

  it.each([
    ['GET', '/healthz', 200],
    ['GET', `/traces/${TRACE}`, 404],
    ['GET', '/traces/nonsense', 404],
    ['GET', '/', 404],
    ['GET', '/v1/traces', 404],
    ['DELETE', '/traces', 405],
    ['POST', '/v1/metrics', 404],
    ['POST', '/v1/logs', 404],
  ])('%s %s is answered %i', async (method, path, status) => {
    const collector = await start();
    expect((await fetch(collector.otlpUrl + path, { method })).status).toBe(status);
  });
});

describe('waiting for spans', () => {
  const both = (spans: SpanRecord[]): boolean => spans.length === 2;

  it('ends when the spans have arrived', async () => {
    const collector = await start();
    const waiting = collector.waitForSpans(TRACE, both, 5_000);
    await post(collector, otlpJson(otlpSpan(id(1))), JSON_TYPE);
    await post(collector, otlpJson(otlpSpan(id(2))), JSON_TYPE);
    expect((await waiting).map((span) => span.spanId)).toEqual([id(1), id(2)]);
    await expect(collector.waitForSpans(TRACE, both, 0)).resolves.toHaveLength(2);
  });

  it('rejects after the timeout and says what arrived', async () => {
    const collector = await start();
    await post(collector, otlpJson(otlpSpan(id(1), { name: 'lonely' })), JSON_TYPE);
    await expect(collector.waitForSpans(TRACE, both, 20)).rejects.toThrow(/1 spans arrived\n.*"lonely"/);
  });

  it('rejects when the predicate throws, and when the collector closes', async () => {
    const collector = await start();
    const broken = (): boolean => {
      throw new Error('broken predicate');
    };
    await expect(collector.waitForSpans(TRACE, broken, 5_000)).rejects.toThrow('broken predicate');
    const waiting = expect(collector.waitForSpans(TRACE, both, 5_000)).rejects.toThrow('closed');
    await collector.close();
    await waiting;
  });
});

it('a collector does not start on a port that is taken', async () => {
  const { port } = new URL((await start()).otlpUrl);
  await expect(startCollector({ port: Number(port) })).rejects.toThrow('EADDRINUSE');
});

/** Who made the spans: the same for both. */
const ORIGIN = {
  scope: { name: 'test', version: '1', schemaUrl: 'https://opentelemetry.io/schemas/1.44.0' },
  resource: { 'service.name': 'throughline-worker', 'host.name': 'one' },
};

function expectedSpans(): SpanRecord[] {
  return [
    {
      service: 'throughline-worker',
      name: '',
      kind: 'SERVER',
      traceId: TRACE,
      spanId: id(1),
      startMs: 1_699_999_999_000,
      durationMs: 3_000,
      status: 'UNSET',
      attributes: {},
      events: [],
      links: [],
      ...ORIGIN,
    },
    {
      service: 'throughline-worker',
      name: 'process image.thumbnail',
      kind: 'CONSUMER',
      traceId: TRACE,
      spanId: id(2),
      parentSpanId: id(1),
      startMs: 1_700_000_000_123.456,
      // One nanosecond more than a second. It is exact, although neither time fits into a number.
      durationMs: 1_000.000001,
      status: 'ERROR',
      statusMessage: 'HTTP 503',
      attributes: ATTRIBUTES,
      events: [{ name: 'retrying', timeMs: 1_700_000_000_500, attributes: { attempt: 1 } }],
      links: [
        { traceId: 'f'.repeat(32), spanId: id(9), attributes: { why: 'redrive' } },
        { traceId: TRACE, spanId: id(8) },
      ],
      ...ORIGIN,
    },
  ];
}
