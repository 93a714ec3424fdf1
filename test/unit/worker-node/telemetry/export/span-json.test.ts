import {
  type Attributes,
  createTraceState,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { expect, it } from 'vitest';
import { SpanBatch } from '../../../../../worker-node/telemetry/export/encode/span-batch.ts';

const PARENT = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 };
const MORE_VALUES_THAN_ARE_REMEMBERED = 40;

interface Made {
  readonly name?: string;
  readonly attributes?: Attributes;
  readonly isRemote?: boolean;
  readonly limits?: object;
  readonly scope?: string;
  readonly change?: (span: ReturnType<ReturnType<typeof trace.getTracer>['startSpan']>) => void;
}

/** Spans as the SDK makes them, one for each description. */
function spansOf(...all: readonly Made[]): ReadableSpan[] {
  const memory = new InMemorySpanExporter();
  for (const {
    name = 'work',
    attributes = {},
    isRemote = true,
    limits = {},
    scope = 'test',
    change,
  } of all) {
    const provider = new BasicTracerProvider({
      resource: resourceFromAttributes({ 'service.name': 'test', scope }, { schemaUrl: 'https://x.test/1' }),
      spanLimits: limits,
      spanProcessors: [new SimpleSpanProcessor(memory)],
    });
    const parent = trace.setSpanContext(ROOT_CONTEXT, { ...PARENT, isRemote });
    const tracer = provider.getTracer(scope, '1.2.3', { schemaUrl: 'https://x.test/2' });
    const span = tracer.startSpan(name, { kind: SpanKind.CONSUMER, attributes }, parent);
    change?.(span);
    span.end();
  }
  return memory.getFinishedSpans();
}

/** What the SDK's own JSON says. It adds a field to each resource that OTLP does not have. */
function bySdk(spans: ReadableSpan[]): unknown {
  const json = Buffer.from(JsonTraceSerializer.serializeRequest(spans) ?? []).toString();
  return JSON.parse(json, (key, value) => (key === 'resource' ? { attributes: value.attributes } : value));
}

function byBatch(spans: readonly ReadableSpan[]): unknown {
  const batch = new SpanBatch();
  for (const span of spans) batch.add(span);
  return JSON.parse(Buffer.from(batch.takeJson()).toString());
}

/** The spans of one scope in a request. */
interface ScopeSpans {
  readonly scope?: { readonly name: unknown; readonly version: unknown };
  readonly schemaUrl?: unknown;
  readonly spans?: readonly unknown[];
}

function scopesIn(request: unknown): ScopeSpans[] {
  const { resourceSpans } = request as { resourceSpans: { scopeSpans: ScopeSpans[] }[] };
  return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans);
}

function spansIn(request: unknown): unknown[] {
  return scopesIn(request).flatMap(({ spans }) => spans ?? []);
}

/** Leaves out what has its default value: the JSON of protobuf may have it or not. */
function withoutDefaults(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDefaults);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([name, field]) => [name, withoutDefaults(field)] as const);
  return Object.fromEntries(fields.filter(([name, field]) => !isDefault(name, field)));
}

function isDefault(name: string, value: unknown): boolean {
  if (name === 'status') return JSON.stringify(value) === '{}';
  if (Array.isArray(value)) return value.length === 0 && name !== 'values';
  return (
    ['code', 'droppedAttributesCount', 'droppedEventsCount', 'droppedLinksCount'].includes(name) &&
    value === 0
  );
}

it.each<[string, Made]>([
  ['has no attributes', {}],
  [
    'has texts, numbers and truth values',
    { attributes: { a: 'x', b: 1, c: -2, d: 0.5, e: true, f: false, g: 0 } },
  ],
  ['has lists', { attributes: { a: ['x', 'y'], b: [1, 2.5], c: [], d: [true] } }],
  [
    'has texts that JSON escapes',
    { name: 'a "b" \\ c', attributes: { 'k"\n': 'tab\t, quote ", \\, \u0000, \u007f' } },
  ],
  ['has texts beyond ASCII', { name: 'größe', attributes: { schlüssel: '日本語 🎉' } }],
  ['has a parent in the same process', { isRemote: false }],
  ['failed', { change: (span) => span.setStatus({ code: SpanStatusCode.ERROR, message: 'a "reason"' }) }],
  ['failed without a message', { change: (span) => span.setStatus({ code: SpanStatusCode.ERROR }) }],
  ['has an exception', { change: (span) => span.recordException(new Error('it\nbroke')) }],
  ['has events', { change: (span) => span.addEvent('one', { a: 1 }).addEvent('two') }],
  [
    'has links',
    {
      change: (span) =>
        span
          .addLink({ context: { ...PARENT, isRemote: true, traceState: createTraceState('a=1,b=2') } })
          .addLink({ context: { ...PARENT, traceFlags: 0 }, attributes: { why: 'test' } }),
    },
  ],
  ['has links and events', { change: (span) => span.addLink({ context: PARENT }).addEvent('one') }],
  [
    'has more of everything than its limits allow',
    {
      attributes: { a: 1, b: 2, c: 3 },
      limits: {
        attributeCountLimit: 1,
        eventCountLimit: 1,
        linkCountLimit: 1,
        attributePerEventCountLimit: 1,
      },
      change: (span) =>
        span
          .addEvent('one')
          .addEvent('two', { a: 1, b: 2 })
          .addLinks([{ context: PARENT }, { context: PARENT }]),
    },
  ],
])("a span that %s is the same in JSON as in the SDK's, but for defaults", (_case, made) => {
  const spans = spansOf(made);
  expect(withoutDefaults(byBatch(spans))).toEqual(withoutDefaults(bySdk(spans)));
});

it('the spans of a batch say the same as in the SDK’s JSON, even where their values are remembered', () => {
  const many = Array.from({ length: MORE_VALUES_THAN_ARE_REMEMBERED }, (_, n) => ({
    attributes: { few: `value ${n % 3}`, many: `value ${n}`, number: n % 2, long: 'x'.repeat(n * 10) },
  }));
  const spans = spansOf(...many, ...many);
  expect(spansIn(withoutDefaults(byBatch(spans)))).toEqual(spansIn(withoutDefaults(bySdk(spans))));
});

it('spans of several scopes and resources stand below their own', () => {
  const spans = spansOf({ scope: 'one' }, { scope: 'two' });
  expect(withoutDefaults(byBatch(spans))).toEqual(withoutDefaults(bySdk(spans)));
});

it('a time whose part below a second rounds up to a second is written as that second', () => {
  const [span] = spansOf({});
  const times = { startTime: [1_700_000_000, 1_000_000_000], endTime: [1_700_000_001, 5] };
  const shown = JSON.stringify(byBatch([Object.assign(Object.create(span ?? null), times) as ReadableSpan]));
  expect(shown).toContain(
    '"startTimeUnixNano":"1700000001000000000","endTimeUnixNano":"1700000001000000005"',
  );
});

it('a number that is no finite or no exact integer is written as a double', () => {
  const spans = spansOf({ attributes: { a: Number.NaN, b: Number.NEGATIVE_INFINITY, c: 1e21 } });
  const shown = JSON.stringify(byBatch(spans));
  for (const value of ['"NaN"', '"-Infinity"', '1e+21']) expect(shown).toContain(`{"doubleValue":${value}}`);
});

it('a span that cannot be written leaves the others whole', () => {
  const [first, wrong, last] = spansOf({ name: 'first' }, {}, { name: 'last' });
  const batch = new SpanBatch();
  const broken = Object.assign(Object.create(wrong ?? null), { links: undefined }) as ReadableSpan;
  if (first === undefined || last === undefined) throw new Error('the test is wrong');
  batch.add(first);
  expect(() => batch.add(broken)).toThrow(TypeError);
  batch.add(last);
  expect(batch.size).toBe(2);
  const { resourceSpans } = JSON.parse(Buffer.from(batch.takeJson()).toString());
  const names = resourceSpans.map(({ scopeSpans }: never) => scopeSpans);
  expect(JSON.stringify(names)).toMatch(/"name":"first".*"name":"last"/);
});

it('the body of a batch stays as it is until the batch is released, whatever is written meanwhile', () => {
  const [first, second] = spansOf({ name: 'first' }, { name: 'second' });
  if (first === undefined || second === undefined) throw new Error('the test is wrong');
  const batches = [new SpanBatch(), new SpanBatch(), new SpanBatch()];
  const bodies = batches.map((batch, n) => {
    batch.add(n === 0 ? first : second);
    return batch.takeJson();
  });
  const texts = bodies.map((body) => Buffer.from(body).toString());
  expect(texts[0]).toContain('"first"');
  expect(withoutDefaults(JSON.parse(texts[0] ?? ''))).toEqual(withoutDefaults(bySdk([first])));
  batches[0]?.release();
  const next = new SpanBatch();
  next.add(second);
  expect(Buffer.from(next.takeJson()).toString()).toBe(texts[1]);
  expect(bodies.slice(1).map((body) => Buffer.from(body).toString())).toEqual(texts.slice(1));
});

it('what a collector cannot read of one span costs no other', () => {
  const none = { traceId: 'zz', spanId: '', traceFlags: 1 };
  const [span] = spansOf({
    name: 'half \ud83d',
    attributes: { cut: 'a\ud83d', 'key \ud83d': ['in a list \ud83d'] },
    scope: 'scope \ud83d',
    change: (one) => one.addLinks([{ context: none }, { context: PARENT }]),
  });
  if (span === undefined) throw new Error('there is no span');
  const written = JSON.stringify(byBatch([Object.assign(span, { startTime: [-5, 0] })]));
  expect(written).toContain('half \ufffd');
  for (const text of ['a\ufffd', 'key \ufffd', 'in a list \ufffd', 'scope \ufffd'])
    expect(written).toContain(text);
  expect(JSON.parse(written).resourceSpans[0].scopeSpans[0].spans[0]).toMatchObject({
    startTimeUnixNano: '0',
    links: [{ traceId: PARENT.traceId }],
    droppedLinksCount: 1,
  });
});

/** A span in JavaScript: an author may give its methods anything. The SDK keeps most of it. */
type Loose = Readonly<
  Record<'setStatus' | 'updateName' | 'addEvent' | 'addLink', (...given: unknown[]) => unknown>
>;

it.each<[string, (span: Loose) => unknown, object]>([
  ['a status by its name', (span) => span.setStatus({ code: 'ERROR' }), {}],
  ['a status without a code', (span) => span.setStatus('ERROR'), {}],
  ['a status that does not exist', (span) => span.setStatus({ code: 7 }), {}],
  ['a name that is no text', (span) => span.updateName({ of: 1 }), { name: '{"of":1}' }],
  ['no name', (span) => span.updateName(undefined), { name: 'undefined' }],
  [
    'an error as an event',
    (span) => span.addEvent(new Error('it broke')),
    { events: [{ name: 'it broke' }] },
  ],
  ['an event without a name', (span) => span.addEvent(), { events: [{ name: 'undefined' }] }],
  ['an event at no time', (span) => span.addEvent('e', Number.NaN), { events: [{ timeUnixNano: '0' }] }],
  [
    'an event at a time in microseconds',
    (span) => span.addEvent('e', Date.now() * 1_000),
    { events: [{ timeUnixNano: '0' }] },
  ],
  ['a link to nothing', (span) => span.addLink({}), { droppedLinksCount: 1 }],
  [
    'a link with ids that are no texts',
    (span) => span.addLink({ context: { traceId: 1 } }),
    { droppedLinksCount: 1 },
  ],
  [
    'a link to a span that was stored as JSON',
    (span) =>
      span.addLink({
        context: JSON.parse(JSON.stringify({ ...PARENT, traceState: createTraceState('a=1') })),
      }),
    { links: [{ spanId: PARENT.spanId }] },
  ],
])('a span with %s is written so that every collector can read its batch', (_case, change, shown) => {
  const [written] = spansIn(byBatch(spansOf({ change: (span) => change(span as unknown as Loose) })));
  expect(written).toMatchObject({ traceId: PARENT.traceId, parentSpanId: PARENT.spanId, ...shown });
  expect(written).not.toHaveProperty('status');
});

it.each([Date.now() * 1_000, Date.now() * 1_000_000, Number.NaN, Number.POSITIVE_INFINITY])(
  'a span at %d, which is no time in milliseconds, stands where it ended',
  (wrong) => {
    const memory = new InMemorySpanExporter();
    const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(memory)] });
    const before = Date.now();
    provider.getTracer('test').startSpan('work', { startTime: wrong }).end(wrong);
    const [written] = spansIn(byBatch(memory.getFinishedSpans())) as Record<string, string>[];
    expect(BigInt(written?.startTimeUnixNano ?? 0)).toBeGreaterThanOrEqual(BigInt(before) * 1_000_000n);
    expect(written?.endTimeUnixNano).toBe(written?.startTimeUnixNano);
  },
);

it.each<[string, unknown]>([
  ['a number', 7],
  ['nothing', undefined],
  ['an object', { name: 'shop' }],
])('a tracer that says %s about itself costs no span', (_case, said) => {
  const memory = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(memory)] });
  const text = said as string;
  provider.getTracer(text, text, { schemaUrl: text }).startSpan('work').end();
  const [{ scope, schemaUrl } = {}] = scopesIn(byBatch(memory.getFinishedSpans()));
  for (const one of [scope?.name, scope?.version, schemaUrl]) expect(one).toBeTypeOf('string');
});
