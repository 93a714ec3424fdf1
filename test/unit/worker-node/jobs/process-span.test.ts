import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { expect, it } from 'vitest';
import type { Attempt } from '../../../../worker-node/jobs/attempt/attempt.ts';
import { describeAttempt } from '../../../../worker-node/jobs/process-span.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN_ID = '00f067aa0ba902b7';

/** The links of an attempt after one whose event names these ids. */
function linksAfter(previous: { readonly traceId: string; readonly spanId: string }) {
  const memory = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(memory)] });
  const span = provider.getTracer('test').startSpan('process');
  const attempt = { number: 2, queueTimeMs: 0, job: {}, previous: { kind: 'retrying', ...previous } };
  describeAttempt(span, attempt as unknown as Attempt);
  span.end();
  return memory.getFinishedSpans()[0]?.links.map(({ context: { traceId, spanId } }) => ({ traceId, spanId }));
}

it('an attempt links to the attempt before', () => {
  expect(linksAfter({ traceId: TRACE_ID, spanId: SPAN_ID })).toEqual([
    { traceId: TRACE_ID, spanId: SPAN_ID },
  ]);
});

// A collector refuses a whole batch for one id that it cannot read.
it.each([
  ['empty texts', '', ''],
  ['a span without its trace', '', SPAN_ID],
  ['zeros', '0'.repeat(32), '0'.repeat(16)],
  ['ids of another length', 'abc', 'abc'],
  ['words', 'not-a-trace', 'not-a-span'],
])(
  'an event of a worker in another language names no span by %s, so there is no link',
  (_case, traceId, spanId) => {
    expect(linksAfter({ traceId, spanId })).toEqual([]);
  },
);
