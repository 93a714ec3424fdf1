/** Reads the headers of the NATS client, since `fromNatsHeaders` only knows their shape. */
import { headers } from '@nats-io/nats-core';
import { describe, expect, test } from 'vitest';
import { extract, fromNatsHeaders, inject, setCarrier } from '../../shared/propagation/index.ts';
import { entriesOf, TRACE_ID, TRACEPARENT } from './support.ts';

describe('MsgHdrs of @nats-io/nats-core', () => {
  test('a message without our headers is absent', () => {
    expect(extract(fromNatsHeaders(headers())).outcome).toBe('absent');
  });

  test('what setCarrier writes is read back', () => {
    const carrier = { traceparent: TRACEPARENT, tracestate: 'b=1,a=2', baggage: 'k=%0D%0A,l=w' };
    const written = headers();
    setCarrier(carrier, (name, value) => written.set(name, value));
    expect(inject(extract(fromNatsHeaders(written)).context)).toEqual(carrier);
  });

  test('a Go client that writes Traceparent is understood', () => {
    const written = headers();
    written.set('Traceparent', TRACEPARENT);
    expect(extract(fromNatsHeaders(written)).spanContext?.traceId).toBe(TRACE_ID);
  });

  test('a second value, which get does not show, is repeated', () => {
    const written = headers();
    written.append('traceparent', TRACEPARENT);
    written.append('traceparent', TRACEPARENT.replace(TRACE_ID, 'f'.repeat(32)));
    expect(extract(fromNatsHeaders(written)).reason).toBe('repeated');
  });

  test('two spellings are two values', () => {
    const written = headers();
    written.append('Traceparent', TRACEPARENT);
    written.append('traceparent', TRACEPARENT);
    expect(extract(fromNatsHeaders(written)).reason).toBe('repeated');
  });

  test('values of tracestate and baggage are joined in order', () => {
    const written = headers();
    written.append('traceparent', TRACEPARENT);
    for (const value of ['c=1', 'a=2']) written.append('tracestate', value);
    for (const value of ['x=1', 'y=2']) written.append('baggage', value);
    const { context } = extract(fromNatsHeaders(written));
    expect(inject(context).tracestate).toBe('c=1,a=2');
    expect(entriesOf(context)).toEqual(['x=1', 'y=2']);
  });
});
