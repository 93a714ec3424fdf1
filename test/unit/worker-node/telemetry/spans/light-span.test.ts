import {
  context,
  createTraceState,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import { JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { samplerOf } from '../../../../../shared/trace/sampler.ts';
import { SpanBatch } from '../../../../../worker-node/telemetry/export/encode/span-batch.ts';
import { keepOpen } from '../../../../../worker-node/telemetry/spans/keep-open.ts';
import { LightSpan } from '../../../../../worker-node/telemetry/spans/light-span.ts';
import { hrTimeOf, momentAfter } from '../../../../../worker-node/telemetry/spans/moment.ts';
import { SpanIds } from '../../../../../worker-node/telemetry/spans/span-ids.ts';
import { SpanShape } from '../../../../../worker-node/telemetry/spans/span-shape.ts';
import {
  recordSpan,
  startSpan,
  useLightSpans,
} from '../../../../../worker-node/telemetry/spans/start-span.ts';

const PARENT: SpanContext = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: 1,
  isRemote: true,
};
const STARTED = Date.parse('2026-03-01T12:00:00.250Z');
const RAN_MS = 3.041592;

beforeEach(() => {
  vi.useFakeTimers({ now: STARTED, toFake: ['Date', 'performance'] });
});
afterEach(() => {
  useLightSpans(undefined);
  vi.useRealTimers();
});

/** What a batch that is sent has, and what the SDK's own exporter got. */
class Sending {
  readonly batch = new SpanBatch();
  readonly memory = new InMemorySpanExporter();
  readonly ids = new SpanIds();
  readonly resource = resourceFromAttributes({ 'service.name': 'test' });
  light = 0;

  constructor(sampler: Sampler = samplerOf('parentbased_always_on', 1)) {
    const toBatch = { onStart: () => undefined, onEnd: (span: ReadableSpan) => this.batch.add(span) };
    const nothing = async (): Promise<void> => undefined;
    const processors = [
      new SimpleSpanProcessor(this.memory),
      { ...toBatch, forceFlush: nothing, shutdown: nothing },
    ];
    const provider = new BasicTracerProvider({
      resource: this.resource,
      sampler,
      idGenerator: this.ids,
      spanProcessors: processors,
    });
    const tracer = provider.getTracer('test', '1.2.3');
    const origin = { resource: this.resource, scope: { name: 'test', version: '1.2.3' } };
    useLightSpans({
      sampler,
      ids: this.ids,
      tracer,
      take: (span, ended) => {
        this.light++;
        this.batch.addLight(span, ended, origin);
      },
    });
  }

  /** The spans that a collector gets, as OTLP. */
  get sent(): OtlpSpan[] {
    return spansIn(Buffer.from(this.batch.takeJson()).toString());
  }
}

type OtlpSpan = Record<string, unknown> & { readonly attributes?: { readonly key: string }[] };

function spansIn(json: string): OtlpSpan[] {
  const { resourceSpans } = JSON.parse(json) as {
    resourceSpans: { scopeSpans: { spans: OtlpSpan[] }[] }[];
  };
  return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
}

/** Without fields that have their default value; attributes are in no order. */
function comparable({ attributes = [], ...span }: OtlpSpan): unknown {
  const isDefault = (value: unknown): boolean =>
    value === 0 || (Array.isArray(value) && value.length === 0) || JSON.stringify(value) === '{"code":0}';
  const fields = Object.entries(span).filter(([, value]) => !isDefault(value));
  const links = (span.links as Record<string, unknown>[] | undefined)?.map(withoutDefaults);
  const events = (span.events as Record<string, unknown>[] | undefined)?.map(withoutDefaults);
  return {
    ...Object.fromEntries(fields),
    ...(links?.length ? { links } : {}),
    ...(events?.length ? { events } : {}),
    spanId: 'its own',
    attributes: attributes.toSorted((a, b) => (a.key < b.key ? -1 : 1)),
  };
}

function withoutDefaults(fields: Record<string, unknown>): unknown {
  const isDefault = (value: unknown): boolean => value === 0 || (Array.isArray(value) && value.length === 0);
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isDefault(value)));
}

interface Made {
  readonly parent?: SpanContext;
  readonly links?: SpanContext[];
  readonly startTime?: number;
  readonly change?: (span: Span) => void;
  readonly endTime?: number | Date | [number, number];
}

const SHAPE = new SpanShape({
  name: 'process jobs.{tenant} "größe"',
  kind: SpanKind.CONSUMER,
  attributes: { 'messaging.system': 'nats', 'server.port': 4222 },
});

/** The same span made lightly, and by the SDK. */
function both({ parent = PARENT, links = [], startTime, change, endTime }: Made) {
  const own = ['throughline.job.id', 'job-1', 'size', 7];
  const inParent = trace.setSpanContext(ROOT_CONTEXT, parent);
  const sending = new Sending();
  const given = startTime === undefined ? {} : { startTime };
  const ours = startSpan(SHAPE, {
    own,
    parent: inParent,
    links: links.map((one) => ({ context: one })),
    ...given,
  });
  expect(ours).toBeInstanceOf(LightSpan);
  const provider = new BasicTracerProvider({
    resource: sending.resource,
    spanProcessors: [new SimpleSpanProcessor(sending.memory)],
  });
  const theirs = provider.getTracer('test', '1.2.3').startSpan(
    SHAPE.name,
    {
      kind: SHAPE.kind,
      attributes: { ...SHAPE.attributes, 'throughline.job.id': 'job-1', size: 7 },
      links: links.map((one) => ({ context: one })),
      ...given,
    },
    inParent,
  );
  for (const span of [ours, theirs]) change?.(span);
  vi.advanceTimersByTime(RAN_MS);
  for (const span of [ours, theirs]) span.end(endTime);
  const bySdk = sending.memory
    .getFinishedSpans()
    .filter((span) => span.spanContext().spanId === theirs.spanContext().spanId);
  const [expected] = spansIn(Buffer.from(JsonTraceSerializer.serializeRequest(bySdk) ?? []).toString());
  // The SDK took the clock of the process before it was replaced.
  const ended = (span: OtlpSpan) => (endTime === undefined ? { ...span, endTimeUnixNano: 'now' } : span);
  const { sent, light } = sending;
  return { sent: sent.map(ended).map(comparable), expected: expected && comparable(ended(expected)), light };
}

it.each<[string, Made]>([
  ['has nothing more', {}],
  ['has a parent in the same process', { parent: { ...PARENT, isRemote: false } }],
  ['has a trace state', { parent: { ...PARENT, traceState: createTraceState('a=1,b=2') } }],
  ['has a link', { links: [PARENT, { ...PARENT, traceFlags: 0, traceState: createTraceState('c=3') }] }],
  ['has more attributes', { change: (span) => span.setAttribute('outcome', 'done').setAttribute('n', 0.5) }],
  [
    'has another value for an attribute',
    { change: (span) => span.setAttribute('size', 'job-1').setAttribute('size', 8) },
  ],
  [
    'has a value that is the name of another attribute',
    { change: (span) => span.setAttribute('a', 'size').setAttribute('size', true) },
  ],
  ['has a start and an end', { startTime: STARTED - 5_000, endTime: STARTED - 1_000 }],
  ['has an end', { endTime: STARTED + 17 }],
])('a span that %s says the same lightly', (_, made) => {
  const { sent, expected, light } = both(made);
  expect(sent).toEqual([expected]);
  expect(light).toBe(1);
});

it.each<[string, Made]>([
  ['an attribute of its kind', { change: (span) => span.setAttribute('messaging.system', 'other') }],
  ['a list as an attribute', { change: (span) => span.setAttribute('list', ['a', 'b']) }],
  ['several attributes', { change: (span) => span.setAttributes({ a: 1, b: 'two' }) }],
  ['an attribute without a name', { change: (span) => span.setAttribute('', 1) }],
  ['a value that no attribute has', { change: (span) => span.setAttribute('a', { b: 1 } as never) }],
  ['an event', { change: (span) => span.addEvent('one', { a: 1 }, STARTED + 1) }],
  ['an exception', { change: (span) => span.recordException({ name: 'Bad', message: 'it broke' }, STARTED) }],
  ['a link', { change: (span) => span.addLink({ context: PARENT, attributes: { why: 'test' } }) }],
  ['links', { change: (span) => span.addLinks([{ context: PARENT }, { context: PARENT }]) }],
  ['a status', { change: (span) => span.setStatus({ code: SpanStatusCode.ERROR, message: 'a "reason"' }) }],
  ['a name', { change: (span) => span.updateName('other') }],
  ['a date as its end', { endTime: new Date(STARTED + 9) }],
  ['an exact end', { endTime: [STARTED / 1_000 + 1, 5] }],
  ['an end before its start', { endTime: STARTED - 1 }],
  [
    'more attributes than it keeps',
    { change: (span) => Array.from({ length: 50 }, (_, n) => span.setAttribute(`a${n}`, n)) },
  ],
])('a span that is given %s becomes one of the SDK, which says the same', (_, made) => {
  const { sent, expected, light } = both(made);
  expect(sent).toEqual([expected]);
  expect(light).toBe(0);
});

it.each<[string, SpanContext]>([
  ['its parent is of another process', PARENT],
  ['its parent has a trace state', { ...PARENT, traceState: createTraceState('a=1') }],
])(
  'a span that is recorded as a whole says the same as one that is started and ended, if %s',
  (_, parent) => {
    const ended = momentAfter(STARTED, RAN_MS);
    const own = ['throughline.job.id', 'job-1', 'size', 7];
    const inParent = trace.setSpanContext(ROOT_CONTEXT, parent);
    const sending = new Sending();
    recordSpan(SHAPE, { own: [...own], parent: inParent, startTime: STARTED, ended });
    const { light } = sending;
    const [whole] = sending.sent;
    useLightSpans(undefined);
    const memory = new InMemorySpanExporter();
    const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(memory)] });
    const attributes = { ...SHAPE.attributes, 'throughline.job.id': 'job-1', size: 7 };
    const options = { kind: SHAPE.kind, attributes, startTime: STARTED };
    provider.getTracer('test').startSpan(SHAPE.name, options, inParent).end(hrTimeOf(ended));
    const json = JsonTraceSerializer.serializeRequest(memory.getFinishedSpans()) ?? [];
    const [bySdk] = spansIn(Buffer.from(json).toString());
    expect(whole && comparable(whole)).toEqual(bySdk && comparable(bySdk));
    expect(light).toBe(1);
  },
);

it('two spans that are recorded as a whole below the same one have ids of their own', () => {
  const sending = new Sending();
  const whole = { parent: trace.setSpanContext(ROOT_CONTEXT, PARENT), startTime: STARTED };
  for (const n of [1, 2]) recordSpan(SHAPE, { own: ['n', n], ended: momentAfter(STARTED, n), ...whole });
  expect(new Set(sending.sent.map(({ spanId }) => spanId)).size).toBe(2);
  expect(sending.light).toBe(2);
});

it('a span that is recorded as a whole is left to the SDK if its end is before its start', () => {
  const sending = new Sending();
  const parent = trace.setSpanContext(ROOT_CONTEXT, PARENT);
  recordSpan(SHAPE, { own: [], parent, startTime: STARTED, ended: momentAfter(STARTED - 1, 0) });
  expect(sending.light).toBe(0);
});

it('a span of the SDK has the ids of the light span that it continues, and ends when that one does', () => {
  const sending = new Sending();
  const span = startSpan(SHAPE, { own: [], parent: trace.setSpanContext(ROOT_CONTEXT, PARENT) });
  span.addEvent('one');
  vi.advanceTimersByTime(RAN_MS);
  span.end();
  const { spanId, traceId } = span.spanContext();
  const [sent] = sending.sent;
  expect(sent).toMatchObject({ spanId, traceId, parentSpanId: PARENT.spanId });
  expect(sent?.endTimeUnixNano).toBe(`${STARTED}000000`.replace('250000000', '253041592'));
  expect(span.isRecording()).toBe(false);
});

it('code that looks into the active span finds what the SDK shows', () => {
  new Sending();
  const span = startSpan(SHAPE, { own: ['id', 'job-1'], parent: trace.setSpanContext(ROOT_CONTEXT, PARENT) });
  const { name, attributes, kind, ended } = span as Span & ReadableSpan;
  expect({ name, kind, ended }).toEqual({ name: SHAPE.name, kind: SHAPE.kind, ended: false });
  expect(attributes).toEqual({ ...SHAPE.attributes, id: 'job-1' });
});

it('a span that has ended cannot be changed, and is sent once', () => {
  const sending = new Sending();
  const span = startSpan(SHAPE, { own: [], parent: trace.setSpanContext(ROOT_CONTEXT, PARENT) });
  span.end();
  span.setAttribute('late', true).addEvent('late').updateName('late');
  span.end();
  expect(span.isRecording()).toBe(false);
  const { sent } = sending;
  expect(sent).toHaveLength(1);
  expect(JSON.stringify(sent)).not.toContain('late');
});

it('a light span below a light span has the trace and the id of the one above', () => {
  const sending = new Sending();
  const above = startSpan(SHAPE, { own: [], parent: trace.setSpanContext(ROOT_CONTEXT, PARENT) });
  startSpan(SHAPE, { own: [], parent: trace.setSpan(ROOT_CONTEXT, above) }).end();
  const [below] = sending.sent;
  expect(below).toMatchObject({
    traceId: PARENT.traceId,
    parentSpanId: above.spanContext().spanId,
    flags: 0x101,
  });
});

it('a span of a kind without attributes is written like the others', () => {
  const sending = new Sending();
  const shape = new SpanShape({ name: 'wait', kind: SpanKind.INTERNAL, attributes: {} });
  const parent = trace.setSpanContext(ROOT_CONTEXT, PARENT);
  startSpan(shape, { own: ['a', 'x', 'b', 'y'], parent }).end();
  startSpan(shape, { own: [], parent }).end();
  expect(sending.sent.map(({ attributes }) => attributes?.map(({ key }) => key))).toEqual([['a', 'b'], []]);
});

it.each([
  ['its sampler does not take it', new Sending(new AlwaysOffSampler()), PARENT],
  ['its parent is not sampled', undefined, { ...PARENT, traceFlags: 0 }],
])('nothing is sent of a span if %s', (_, given, parent) => {
  const sending = given ?? new Sending();
  if (given !== undefined) new Sending(new AlwaysOffSampler());
  const span = startSpan(SHAPE, { own: [], parent: trace.setSpanContext(ROOT_CONTEXT, parent) });
  span.end();
  expect(span.isRecording()).toBe(false);
  expect(sending.light).toBe(0);
});

it.each([
  ['there is no parent', ROOT_CONTEXT],
  ['its parent has no valid ids', trace.setSpanContext(ROOT_CONTEXT, { ...PARENT, traceId: 'x' })],
  ['tracing is suppressed', suppressTracing(trace.setSpanContext(ROOT_CONTEXT, PARENT))],
])('the tracer makes the span if %s', (_, parent) => {
  new Sending();
  expect(startSpan(SHAPE, { own: [], parent })).not.toBeInstanceOf(LightSpan);
});

it('without light spans, the tracer makes all of them', () => {
  const parent = trace.setSpanContext(context.active(), PARENT);
  expect(startSpan(SHAPE, { own: [], parent })).not.toBeInstanceOf(LightSpan);
});

it.each([
  ['a light span', PARENT, () => undefined],
  ['a light span that became one of the SDK', PARENT, (span: Span) => span.addEvent('looked at')],
  ['a span of the SDK', undefined, () => undefined],
])('%s that is kept open ends with its owner alone', (_, sentBy, change) => {
  const sending = new Sending();
  const parent = sentBy === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, sentBy);
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(sending.memory)] });
  const span = sentBy ? startSpan(SHAPE, { own: [], parent }) : provider.getTracer('test').startSpan('own');
  const end = keepOpen(span);
  change(span);
  span.end();
  span.setAttribute('outcome', 'succeeded');
  expect(span.isRecording()).toBe(true);
  end();
  end();
  expect(span.isRecording()).toBe(false);
  const written = sentBy
    ? sending.sent
    : spansIn(
        Buffer.from(JsonTraceSerializer.serializeRequest(sending.memory.getFinishedSpans()) ?? []).toString(),
      );
  expect(written).toHaveLength(1);
  expect(written[0]?.attributes).toContainEqual({ key: 'outcome', value: { stringValue: 'succeeded' } });
});
