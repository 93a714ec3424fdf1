import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Attributes, SpanStatusCode } from '@opentelemetry/api';
import { JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
import { BasicTracerProvider, type ReadableSpan, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it } from 'vitest';
import { limitSpan } from '../../../../edge/telemetry/export/span-limits.ts';

const LINK = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7', traceFlags: 1 };

function endedSpan(attributes: Attributes, name = 'it'): ReadableSpan {
  const ended: ReadableSpan[] = [];
  const keep = { onStart: () => undefined, onEnd: (one: ReadableSpan) => void ended.push(one) };
  const processor = { ...keep, forceFlush: async () => undefined, shutdown: async () => undefined };
  const provider = new BasicTracerProvider({ spanProcessors: [processor satisfies SpanProcessor] });
  const span = provider.getTracer('test').startSpan(name, { links: [{ context: LINK, attributes }] });
  span.setAttributes(attributes);
  span.addEvent('event', attributes);
  span.setStatus({ code: SpanStatusCode.ERROR, message: String(attributes.text ?? '') });
  span.end();
  const [one] = ended;
  if (one === undefined) throw new Error('the span did not end');
  return one;
}

const bytesOf = (text: unknown): number => Buffer.byteLength(String(text));

describe('the texts of a span', () => {
  it.each([
    ['ASCII', 'x'.repeat(100_000), 256],
    ['two bytes', 'é'.repeat(100_000), 256],
    ['three bytes', '語'.repeat(100_000), 255],
    ['four bytes', '😀'.repeat(100_000), 256],
  ])('have at most 256 bytes, in whole characters: %s', (_, text, bytes) => {
    const span = endedSpan({ text, list: [text, 'short'] }, text);
    limitSpan(span);
    const all = [span.name, span.status.message];
    for (const { attributes } of [span, ...span.events, ...span.links])
      all.push(String(attributes?.text), (attributes?.list as string[] | undefined)?.[0]);
    expect(all.map(bytesOf)).toEqual(Array(8).fill(bytes));
    expect(all.every((one) => text.startsWith(one ?? 'x'))).toBe(true);
    expect((span.attributes.list as string[])[1]).toBe('short');
  });

  it('stay as they are when they are short, and so do numbers and lists', () => {
    const attributes = { text: 'é'.repeat(128), size: 7, ok: true, list: [1, 2], words: ['a', 'b'] };
    const span = endedSpan(attributes);
    limitSpan(span);
    expect(span.attributes).toEqual(attributes);
  });

  it('may be longer where a stack needs it', () => {
    const span = endedSpan({
      'exception.stacktrace': 'x'.repeat(9_000),
      'exception.message': 'x'.repeat(9_000),
    });
    limitSpan(span);
    expect(Object.values(span.attributes).map(bytesOf)).toEqual([4_096, 1_024]);
  });

  it('are copies: the long ones do not stay in memory', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const heap = (): number => {
      for (let round = 0; round < 3; round++) collect();
      return process.memoryUsage().heapUsed;
    };
    const limited = (count: number): ReadableSpan[] =>
      Array.from({ length: count }, (_, n) => {
        const span = endedSpan({ 'user_agent.original': `${n}${'x'.repeat(100_000)}` });
        limitSpan(span);
        return span;
      });
    limited(50);
    const before = heap();
    const kept = limited(500);
    // The texts of all spans have 50 MB.
    expect(heap() - before).toBeLessThan(25_000_000);
    expect(kept).toHaveLength(500);
  });
});

describe('the bytes of a span', () => {
  it.each<[string, Attributes]>([
    ['no attribute', {}],
    ['a few', { 'url.path': '/v1/jobs', 'http.response.status_code': 202, 'throughline.tenant': 'acme' }],
    ['many', Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`key.${n}`, 'value '.repeat(30)]))],
    ['a list', { list: Array.from({ length: 100 }, (_, n) => `member ${n}`) }],
  ])('are about those of its OTLP JSON: %s', (_, attributes) => {
    const span = endedSpan(attributes);
    const counted = limitSpan(span);
    const sent = JsonTraceSerializer.serializeRequest([span])?.length ?? 0;
    expect(counted / sent).toBeGreaterThan(0.7);
    expect(counted / sent).toBeLessThan(2.5);
  });
});
