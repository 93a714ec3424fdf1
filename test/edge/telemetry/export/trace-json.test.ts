import {
  createTraceState,
  type Link,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type TimeInput,
  trace,
} from '@opentelemetry/api';
import { JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { expect, it } from 'vitest';
import { traceJson } from '../../../../edge/telemetry/export/trace-json.ts';

const PARENT = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: 1,
  isRemote: true,
  traceState: createTraceState('vendor=1'),
};
const LINKED = { traceId: '1af7651916cd43dd8448eb211c80319c', spanId: 'c7ad6b7169203331', traceFlags: 3 };

/** Without what may be left out, and without the field that the SDK adds to each resource and OTLP does not have. */
function withoutDefaults(json: string): unknown {
  return JSON.parse(json, (key, value) => {
    if (key === 'resource') return { attributes: value.attributes };
    const isDefault = value === 0 || (Array.isArray(value) && value.length === 0);
    const isUnset = key === 'status' && value.code === undefined;
    return isUnset || (isDefault && key !== 'intValue') ? undefined : value;
  });
}

it('is what the writer of OpenTelemetry writes, without the default values', () => {
  const memory = new InMemorySpanExporter();
  const attributes = { text: 'ä"\n', whole: 0, part: 0.5, yes: true, list: ['a', 'b'], numbers: [1, 2.5] };
  for (const service of ['edge', 'bridge']) {
    const provider = new BasicTracerProvider({
      resource: resourceFromAttributes({ 'service.name': service }, { schemaUrl: 'https://x.test/1' }),
      spanLimits: { attributeCountLimit: 6, eventCountLimit: 1, linkCountLimit: 2 },
      spanProcessors: [new SimpleSpanProcessor(memory)],
    });
    for (const scope of ['one', 'two', 'one']) {
      const tracer = provider.getTracer(scope, '1.2.3', { schemaUrl: 'https://x.test/2' });
      tracer.startSpan('root', { kind: SpanKind.SERVER, root: true }).end();
      const links: Link[] = [
        { context: LINKED },
        { context: PARENT, attributes: { why: 'test' } },
        { context: LINKED },
      ];
      const startTime: TimeInput = [1_795_794_813, 5_000_000];
      const parent = trace.setSpanContext(ROOT_CONTEXT, PARENT);
      const span = tracer.startSpan('child', { kind: SpanKind.CLIENT, attributes, links, startTime }, parent);
      span.setAttribute('one too many', 1);
      span.recordException(new Error('no'));
      span.addEvent('done', { n: 1 }, [1_795_794_813, 7]);
      span.setStatus({ code: SpanStatusCode.ERROR, message: 'broken' });
      span.end([1_795_794_814, 12]);
    }
  }
  const spans = memory.getFinishedSpans();
  const bySdk = new TextDecoder().decode(JsonTraceSerializer.serializeRequest(spans));
  // The SDK puts all scopes of a resource together.
  expect(byScope(withoutDefaults(traceJson(spans).join('')))).toEqual(byScope(withoutDefaults(bySdk)));
  expect(spans).toHaveLength(12);
});

interface Exported {
  readonly resourceSpans: { readonly scopeSpans: object[] }[];
}

function byScope(request: unknown): object[] {
  return (request as Exported).resourceSpans.flatMap(({ scopeSpans, ...resource }) =>
    scopeSpans.map((one) => ({ ...resource, scopeSpans: one })),
  );
}

it('is in parts, each of which V8 can forget soon', () => {
  const memory = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(memory)] });
  for (let n = 0; n < 500; n++)
    provider.getTracer('test').startSpan(`span ${n}`, { attributes: { n } }).end();
  const parts = traceJson(memory.getFinishedSpans());
  expect(parts.length).toBeGreaterThan(2);
  expect(Math.max(...parts.map(({ length }) => length))).toBeLessThan(40_000);
  const { resourceSpans } = JSON.parse(parts.join('')) as {
    resourceSpans: [{ scopeSpans: [{ spans: { name: string }[] }] }];
  };
  expect(resourceSpans[0].scopeSpans[0].spans.map(({ name }) => name)).toEqual(
    memory.getFinishedSpans().map(({ name }) => name),
  );
});
