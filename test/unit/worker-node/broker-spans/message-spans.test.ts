import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { hrTimeToNanoseconds } from '@opentelemetry/core';
import { emptyResource } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it } from 'vitest';
import { messageSpans } from '../../../../worker-node/broker-spans/message-spans.ts';
import { readTraceEvent } from '../../../../worker-node/broker-spans/trace-event.ts';
import { at, type EventParts, eventBytes, SENDER, TRACE_ID } from './events.ts';

function spansOf(parts: EventParts = {}): ReadableSpan[] {
  const event = readTraceEvent(eventBytes(parts));
  if (typeof event === 'string') throw new Error(event);
  return messageSpans(event, emptyResource());
}

const idOf = (span: ReadableSpan | undefined): string | undefined => span?.spanContext().spanId;
const parentOf = (span: ReadableSpan | undefined): string | undefined => span?.parentSpanContext?.spanId;
const lengthsOf = (spans: readonly ReadableSpan[]): number[] =>
  spans.map(({ duration }) => hrTimeToNanoseconds(duration));
const withFlags = (flags: string) => ({ traceparent: [`00-${TRACE_ID}-${SENDER}-${flags}`] });

describe('which messages have spans', () => {
  it.each([
    ['no trace context', {}],
    ['a trace that is not sampled', withFlags('00')],
    ['a trace context that W3C forbids', { traceparent: [`00-${'0'.repeat(32)}-${SENDER}-01`] }],
    ['two trace contexts', { traceparent: [...withFlags('01').traceparent, ...withFlags('01').traceparent] }],
  ])('one with %s has none', (_what, headers) => {
    expect(spansOf({ headers: { 'Nats-Trace-Dest': ['broker-traces'], ...headers } })).toEqual([]);
  });

  it.each(['traceparent', 'Traceparent', 'TRACEPARENT'])(
    '%s is read in any case, and keeps its flags',
    (name) => {
      const [ingress] = spansOf({ headers: { [name]: [`00-${TRACE_ID}-${SENDER}-03`] } });
      expect(ingress?.spanContext()).toMatchObject({ traceId: TRACE_ID, traceFlags: 3 });
      expect(parentOf(ingress)).toBe(SENDER);
    },
  );
});

describe('times', () => {
  it('a step lasts from the step before, and a store from there to its own time', () => {
    const spans = spansOf({
      steps: [
        { type: 'si', ts: at(150), acc: 'T', to: 'x' },
        { type: 'js', ts: at(900), stream: 'JOBS' },
        { type: 'eg', ts: at(180), kind: 0, cid: 1 },
      ],
    });
    expect(spans.map(({ name, kind }) => [name, SpanKind[kind]])).toEqual([
      ['ingress jobs.{priority}.{lane}.{tenant}.{jobId}.image.resize', 'SERVER'],
      ['map x', 'INTERNAL'],
      ['store JOBS', 'INTERNAL'],
      ['egress client', 'INTERNAL'],
    ]);
    expect(lengthsOf(spans)).toEqual([800, 50, 750, 30]);
  });

  it('a clock that was set back makes no span end before it starts', () => {
    const spans = spansOf({
      steps: [
        { type: 'sm', ts: at(40), to: 'x' },
        { type: 'js', ts: at(20), stream: 'S' },
      ],
    });
    expect(lengthsOf(spans)).toEqual([0, 0, 0]);
  });
});

describe('ids', () => {
  const toNext = { type: 'eg', ts: at(200), kind: 1, cid: 4, name: 'nats-2', hop: '1' };
  const first = { headers: { ...withFlags('01'), 'Nats-Msg-Id': ['job-1'] }, steps: [toNext] };
  const second = {
    headers: {
      ...first.headers,
      'Nats-Trace-Hop': ['1'],
      'Nats-Trace-Dest': ['_R_.x'],
      'Nats-Request-Info': ['{}'],
    },
    server: { id: 'NEX', name: 'nats-2' },
    ingress: { kind: 1, ts: at(300) },
  };

  it('the next server is below the egress that led to it, whichever of the two is heard of first', () => {
    const [there] = spansOf(second);
    const [here, egress] = spansOf(first);
    expect(parentOf(there)).toBe(idOf(egress));
    expect(parentOf(egress)).toBe(idOf(here));
    expect(parentOf(here)).toBe(SENDER);
  });

  it('the same event heard twice is the same spans', () => {
    expect(spansOf(first).map(idOf)).toEqual(spansOf(first).map(idOf));
  });

  it('all spans of a message that arrives at several servers, and arrives again, are told apart', () => {
    const again = {
      ...first,
      ingress: { ts: at(500) },
      steps: [
        { ...toNext, hop: '2' },
        { ...toNext, kind: 4, hop: '' },
      ],
    };
    const ids = [first, second, again].flatMap((parts) => spansOf(parts).map(idOf));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('another message with the same trace context has other egresses', () => {
    const other = { ...first, headers: { ...first.headers, 'Nats-Msg-Id': ['dead-1'] } };
    expect(idOf(spansOf(other)[1])).not.toBe(idOf(spansOf(first)[1]));
  });
});

describe('faults', () => {
  const store = (error: string) => spansOf({ steps: [{ type: 'js', ts: at(200), stream: 'S', error }] })[1];

  it.each([
    ['msgid is duplicate', 'duplicate'],
    ['last sequence by subject mismatch: 3 vs 5', 'wrong-last-message'],
    ['last msgid mismatch: "a" vs "b"', 'wrong-last-message'],
  ])('what a rule of the message refuses is no error: %s', (error, refusal) => {
    const span = store(error);
    expect(span?.status.code).toBe(SpanStatusCode.UNSET);
    expect(span?.attributes).toMatchObject({ 'throughline.broker.refusal': refusal });
    expect(span?.attributes).not.toHaveProperty('error.type');
  });

  it('any other fault is an error in the words of the server', () => {
    expect(store('maximum bytes exceeded')).toMatchObject({
      status: { code: SpanStatusCode.ERROR, message: 'maximum bytes exceeded' },
      attributes: { 'error.type': '_OTHER' },
    });
    const [ingress] = spansOf({ ingress: { error: 'Maximum Payload Violation' } });
    expect(ingress?.status.code).toBe(SpanStatusCode.ERROR);
  });
});

describe('bounds', () => {
  it('a message that goes to many connections has spans for the first of them, and says how many it leaves out', () => {
    const steps = Array.from({ length: 1_000 }, (_, n) => ({ type: 'eg', ts: at(200 + n), kind: 0, cid: n }));
    const spans = spansOf({ steps });
    expect(spans).toHaveLength(65);
    expect(spans[0]?.attributes).toMatchObject({ 'throughline.broker.steps_left_out': 936 });
    // Its length counts all of them.
    expect(lengthsOf(spans)[0]).toBe(1_099);
  });

  it('long texts are cut', () => {
    const long = 'x'.repeat(100_000);
    const spans = spansOf({
      ingress: { subj: long, name: long, acc: long, error: long },
      steps: [{ type: 'js', ts: at(200), stream: long }],
    });
    for (const { name, status, attributes } of spans)
      for (const text of [name, status.message ?? '', ...Object.values(attributes).map(String)])
        expect(text.length).toBeLessThanOrEqual(256);
  });

  it('names have few values: of a subject that is not ours, only the first word stays', () => {
    expect(spansOf({ ingress: { subj: '_INBOX_edge.a.b' } })[0]?.name).toBe('ingress _INBOX_edge.{rest}');
    expect(spansOf({ ingress: { subj: 'jobs.too-short' } })[0]?.name).toBe('ingress jobs.{rest}');
    expect(spansOf({ ingress: { subj: 'events.acme.job-1.callback' } })[0]?.name).toBe(
      'ingress events.{tenant}.{jobId}.callback',
    );
  });
});
