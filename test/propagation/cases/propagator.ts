import assert from 'node:assert/strict';
import {
  type Context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  type TextMapGetter,
  trace,
} from '@opentelemetry/api';
import { inject, ThroughlinePropagator } from '../../../shared/propagation/index.ts';
import { type Case, entriesOf, read, TRACE_ID, TRACEPARENT, withSpan } from '../support.ts';

const propagator = new ThroughlinePropagator();

const idOf = (context: Context) => trace.getSpanContext(context)?.traceId;

function extractWith(
  getter: Partial<TextMapGetter<unknown>>,
  carrier: unknown = {},
  base = ROOT_CONTEXT,
): Context {
  return propagator.extract(base, carrier, getter as TextMapGetter<unknown>);
}

const byDefault = (carrier: unknown): Context =>
  propagator.extract(ROOT_CONTEXT, carrier, defaultTextMapGetter);

/** A getter of Fetch headers, as instrumentations have it. */
const fetchGetter = {
  get: (headers: unknown, key: string) => (headers as Headers).get(key) || undefined,
  keys: (headers: unknown) => [...(headers as Headers).keys()],
};

const fail = (): never => {
  throw new Error('broken getter');
};

const reading: Case[] = [
  {
    name: 'propagator: reads all three fields of a plain object',
    run() {
      const carrier = { traceparent: TRACEPARENT, tracestate: 'a=1', baggage: 'k=v' };
      assert.deepEqual(inject(byDefault(carrier)), carrier);
    },
  },
  {
    name: 'propagator: finds other spellings through the keys of the getter',
    run() {
      assert.equal(idOf(byDefault({ Traceparent: TRACEPARENT })), TRACE_ID);
      assert.equal(idOf(byDefault({ TRACEPARENT, other: 1 })), TRACE_ID);
    },
  },
  {
    name: 'propagator: two spellings of traceparent are repeated, as are two values of one',
    run() {
      assert.equal(idOf(byDefault({ Traceparent: TRACEPARENT, traceparent: TRACEPARENT })), undefined);
      assert.equal(idOf(byDefault({ traceparent: [TRACEPARENT, TRACEPARENT] })), undefined);
    },
  },
  {
    name: 'propagator: takes a list of one value',
    run() {
      assert.equal(idOf(byDefault({ traceparent: [TRACEPARENT] })), TRACE_ID);
    },
  },
  {
    name: 'propagator: joins lists of tracestate and baggage in order',
    run() {
      const context = byDefault({
        traceparent: TRACEPARENT,
        tracestate: ['a=1', 'b=2'],
        baggage: ['k=v', 'l=w'],
      });
      assert.deepEqual(inject(context), {
        traceparent: TRACEPARENT,
        tracestate: 'a=1,b=2',
        baggage: 'k=v,l=w',
      });
    },
  },
  {
    name: 'propagator: reads Fetch headers by a getter of one spelling',
    run() {
      const headers = new Headers({ TraceParent: TRACEPARENT, Baggage: 'k=v' });
      headers.append('baggage', 'l=w');
      const context = propagator.extract(ROOT_CONTEXT, headers, fetchGetter);
      assert.equal(idOf(context), TRACE_ID);
      assert.deepEqual(entriesOf(context), ['k=v', 'l=w']);
      headers.append('traceparent', TRACEPARENT);
      assert.equal(idOf(propagator.extract(ROOT_CONTEXT, headers, fetchGetter)), undefined);
    },
  },
  {
    name: 'propagator: does without keys where the getter has none, an empty list or a broken one',
    run() {
      const get = (_: unknown, key: string) => (key === 'traceparent' ? TRACEPARENT : undefined);
      for (const getter of [{ get }, { get, keys: () => [] }, { get, keys: fail }]) {
        assert.equal(idOf(extractWith(getter)), TRACE_ID);
      }
    },
  },
  {
    name: 'propagator: a key that the getter lists twice is one key',
    run() {
      const get = (_: unknown, key: string) => (key === 'traceparent' ? TRACEPARENT : undefined);
      assert.equal(idOf(extractWith({ get, keys: () => ['traceparent', 'x', 'traceparent'] })), TRACE_ID);
    },
  },
  {
    name: 'propagator: a getter that throws, or gives no strings, changes nothing',
    run() {
      const base = withSpan({ traceId: 'f'.repeat(32) });
      for (const value of [undefined, null, 5, {}, [], [5], [null]]) {
        assert.equal(
          extractWith({ get: () => value as string, keys: () => ['traceparent'] }, {}, base),
          base,
        );
      }
      assert.equal(extractWith({ get: fail, keys: fail }, {}, base), base);
      assert.equal(byDefault(undefined), ROOT_CONTEXT);
      assert.equal(byDefault(null), ROOT_CONTEXT);
    },
  },
];

const writing: Case[] = [
  {
    name: 'propagator: writes what inject gives, by the setter',
    run() {
      const { context } = read({ traceparent: TRACEPARENT, tracestate: 'a=1', baggage: 'k=v' });
      const carrier = {};
      propagator.inject(context, carrier, defaultTextMapSetter);
      assert.deepEqual(carrier, inject(context));
    },
  },
  {
    name: 'propagator: sets nothing for an empty context',
    run() {
      propagator.inject(ROOT_CONTEXT, {}, { set: fail });
    },
  },
  {
    name: 'propagator: names its three fields, in a list of the caller',
    run() {
      propagator.fields().pop();
      assert.deepEqual(propagator.fields(), ['traceparent', 'tracestate', 'baggage']);
    },
  },
];

export const propagatorCases: Case[] = [...reading, ...writing];
