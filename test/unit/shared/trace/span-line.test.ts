import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { describe, expect, it } from 'vitest';
import { type EndedSpan, spanLine } from '../../../../shared/trace/span-line.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';

function span(more: Partial<EndedSpan> = {}): EndedSpan {
  return {
    name: 'send image.thumbnail',
    kind: SpanKind.PRODUCER,
    duration: [1, 234_567_890],
    status: { code: SpanStatusCode.UNSET },
    attributes: {},
    resource: { attributes: { 'service.name': 'throughline-bridge' } },
    parentSpanContext: { traceId: TRACE_ID, spanId: '00f067aa0ba902b7', traceFlags: 1 },
    spanContext: () => ({ traceId: TRACE_ID, spanId: 'b7ad6b7169203331', traceFlags: 1 }),
    ...more,
  };
}

describe('the line of a span', () => {
  it('has the ids of the span and its parent, service, kind, name, time and attributes', () => {
    expect(spanLine(span({ attributes: { 'throughline.job.id': 'job-1', size: 7 } }))).toBe(
      `span ${TRACE_ID} b7ad6b7169203331 < 00f067aa0ba902b7  ` +
        'throughline-bridge PRODUCER "send image.thumbnail" 1234.6 ms  throughline.job.id="job-1"  size=7',
    );
  });

  it('shows a root and a failure', () => {
    const status = { code: SpanStatusCode.ERROR, message: 'no answer' };
    expect(spanLine(span({ parentSpanContext: undefined, status }))).toMatch(
      / < ---------------- {2}.* ms ERROR "no answer"$/,
    );
    expect(spanLine(span({ status: { code: SpanStatusCode.ERROR } }))).toMatch(/ ms ERROR ""$/);
  });

  it.each(['\n', '\r\n', '\u001b[2J', '\0'])('stays one line of text when a value holds %j', (raw) => {
    const line = spanLine(
      span({
        name: `a${raw}b`,
        status: { code: SpanStatusCode.ERROR, message: `a${raw}b` },
        attributes: { text: `a${raw}b`, list: [`a${raw}b`] },
      }),
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(line).not.toMatch(/[\u0000-\u001f]/);
  });
});
