import assert from 'node:assert/strict';
import { ROOT_CONTEXT, type SpanContext, trace } from '@opentelemetry/api';
import { inject, startTrace, TraceState } from '../../../shared/propagation/index.ts';
import { type Case, read, SENT, SPAN_ID, TRACE_ID, withSpan } from '../support.ts';

const CHILD: SpanContext = { traceId: TRACE_ID, spanId: 'b7ad6b7169203331', traceFlags: 1 };
const OTHER: SpanContext = { ...CHILD, traceId: 'f'.repeat(32) };

const continued = (flags: string) => read({ traceparent: `00-${TRACE_ID}-${SPAN_ID}-${flags}` }).context;

const stateful = (tracestate: string) =>
  read({ traceparent: `00-${TRACE_ID}-${SPAN_ID}-01`, tracestate }).context;

/** Runs with a source of randomness that gives one octet only. */
function withOctet(octet: number, run: () => void): void {
  const { crypto } = globalThis;
  const getRandomValues = (octets: Uint8Array) => octets.fill(octet);
  Object.defineProperty(globalThis, 'crypto', {
    value: { getRandomValues },
    configurable: true,
    writable: true,
  });
  try {
    run();
  } finally {
    Object.defineProperty(globalThis, 'crypto', { value: crypto, configurable: true, writable: true });
  }
}

export const inboundCases: Case[] = [
  {
    name: 'random flag: survives a tracer that gives its child spans the flags 0 and 1 only',
    run() {
      for (const [flags, expected] of [
        [1, '03'],
        [0, '02'],
      ] as const) {
        const context = trace.setSpanContext(continued('03'), { ...CHILD, traceFlags: flags });
        assert.equal(inject(context).traceparent, `00-${TRACE_ID}-${CHILD.spanId}-${expected}`);
      }
    },
  },
  {
    name: 'random flag: survives several generations of child spans',
    run() {
      const child = trace.setSpanContext(continued('02'), CHILD);
      const grandchild = trace.setSpanContext(child, { ...CHILD, spanId: 'c'.repeat(16) });
      assert.match(inject(grandchild).traceparent ?? '', /-03$/);
    },
  },
  {
    name: 'random flag: one that was not set is not sent',
    run() {
      assert.match(inject(trace.setSpanContext(continued('01'), CHILD)).traceparent ?? '', /-01$/);
    },
  },
  {
    name: 'random flag: is not passed on to another trace',
    run() {
      assert.match(inject(trace.setSpanContext(continued('03'), OTHER)).traceparent ?? '', /-01$/);
    },
  },
  {
    name: 'random flag: the newer message of one trace decides',
    run() {
      const { context } = read({ traceparent: `00-${TRACE_ID}-${SPAN_ID}-01` }, continued('03'));
      assert.match(inject(trace.setSpanContext(context, CHILD)).traceparent ?? '', /-01$/);
    },
  },
  {
    name: 'random flag: an invalid message leaves what the base context knows',
    run() {
      const { context } = read({ traceparent: 'broken' }, continued('03'));
      assert.match(inject(trace.setSpanContext(context, CHILD)).traceparent ?? '', /-03$/);
    },
  },
  {
    name: 'random flag: one that the tracer itself set is sent',
    run() {
      assert.match(inject(withSpan({ traceFlags: 3 })).traceparent ?? '', /-03$/);
    },
  },
  {
    name: 'tracestate: survives a tracer that gives its child spans none',
    run() {
      const child = trace.setSpanContext(stateful('a=1,b=2'), CHILD);
      assert.equal(inject(child).tracestate, 'a=1,b=2');
    },
  },
  {
    name: 'tracestate: that of the tracer wins, even where it is empty',
    run() {
      const context = stateful('a=1');
      const changed = trace.setSpanContext(context, { ...CHILD, traceState: TraceState.EMPTY.set('b', '2') });
      assert.equal(inject(changed).tracestate, 'b=2');
      const cleared = trace.setSpanContext(context, { ...CHILD, traceState: TraceState.EMPTY });
      assert.equal(inject(cleared).tracestate, undefined);
    },
  },
  {
    name: 'tracestate: is not passed on to another trace, nor kept from an older message',
    run() {
      assert.equal(inject(trace.setSpanContext(stateful('a=1'), OTHER)).tracestate, undefined);
      const { context } = read({ traceparent: `00-${TRACE_ID}-${SPAN_ID}-01` }, stateful('a=1'));
      assert.equal(inject(trace.setSpanContext(context, CHILD)).tracestate, undefined);
    },
  },
  {
    name: 'tracestate: of a trace of the caller does not reach a new trace',
    run() {
      assert.equal(inject(startTrace(stateful('a=1'))).tracestate, undefined);
    },
  },
  {
    name: 'startTrace: gives a valid local span context, random and not sampled',
    run() {
      const context = startTrace();
      const span = trace.getSpan(context);
      assert.ok(span && trace.isSpanContextValid(span.spanContext()));
      assert.equal(span.isRecording(), false);
      assert.equal(span.spanContext().traceFlags, 2);
      assert.equal(span.spanContext().isRemote, undefined);
      assert.match(inject(context).traceparent ?? '', SENT.traceparent);
      assert.match(inject(context).traceparent ?? '', /-02$/);
    },
  },
  {
    name: 'startTrace: writes each octet as two digits',
    run() {
      withOctet(0x0a, () => {
        assert.equal(inject(startTrace()).traceparent, `00-${'0a'.repeat(16)}-${'0a'.repeat(8)}-02`);
      });
    },
  },
  {
    name: 'startTrace: gives no id of zeros, whatever the source of randomness does',
    run() {
      withOctet(0, () => assert.match(inject(startTrace()).traceparent ?? '', SENT.traceparent));
    },
  },
  {
    name: 'startTrace: never gives the same ids twice',
    run() {
      const contexts = Array.from({ length: 1_000 }, () => trace.getSpanContext(startTrace()));
      assert.equal(new Set(contexts.map((context) => context?.traceId)).size, 1_000);
      assert.equal(new Set(contexts.map((context) => context?.spanId)).size, 1_000);
    },
  },
  {
    name: 'startTrace: replaces the span of its base and keeps the rest',
    run() {
      const { context: base } = read({ traceparent: `00-${TRACE_ID}-${SPAN_ID}-01`, baggage: 'k=v' });
      const context = startTrace(base);
      assert.notEqual(trace.getSpanContext(context)?.traceId, TRACE_ID);
      assert.equal(inject(context).baggage, 'k=v');
    },
  },
  {
    name: 'startTrace: its random flag survives the tracer, too',
    run() {
      const context = startTrace(ROOT_CONTEXT);
      const traceId = trace.getSpanContext(context)?.traceId ?? '';
      assert.match(inject(trace.setSpanContext(context, { ...CHILD, traceId })).traceparent ?? '', /-03$/);
    },
  },
];
