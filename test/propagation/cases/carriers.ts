import assert from 'node:assert/strict';
import {
  type CarrierReader,
  extract,
  fromHeaders,
  fromNatsHeaders,
  fromNodeHeaders,
  fromRecord,
  inject,
  setCarrier,
} from '../../../shared/propagation/index.ts';
import { type Case, entriesOf, TRACE_ID, TRACEPARENT } from '../support.ts';

/** NATS headers without a client: names keep their case, each has a list of values. */
export function natsHeaders(lines: readonly (readonly [string, string])[]) {
  const headers = new Map<string, string[]>();
  for (const [key, value] of lines) headers.set(key, [...(headers.get(key) ?? []), value]);
  return { keys: () => [...headers.keys()], values: (key: string) => headers.get(key) ?? [] };
}

/** The same lines in every kind of carrier that can hold them. */
const READERS: Record<string, (lines: readonly (readonly [string, string])[]) => CarrierReader> = {
  'Fetch headers'(lines) {
    const headers = new Headers();
    for (const [name, value] of lines) headers.append(name, value);
    return fromHeaders(headers);
  },
  'NATS headers': (lines) => fromNatsHeaders(natsHeaders(lines)),
  'Node headers': (lines) => fromNodeHeaders(nodeHeaders(lines)),
};

/** As `IncomingMessage` gives them: lowercase names, a string, or a list if a line is repeated. */
function nodeHeaders(lines: readonly (readonly [string, string])[]): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of lines) {
    const key = name.toLowerCase();
    headers[key] = key in headers ? [headers[key] ?? [], value].flat() : value;
  }
  return headers;
}

const OTHER = TRACEPARENT.replace(TRACE_ID, 'f'.repeat(32));

const everywhere = Object.entries(READERS).flatMap(([kind, from]): Case[] => [
  {
    name: `${kind}: no header is absent`,
    run() {
      assert.equal(extract(from([['x-other', '1']])).outcome, 'absent');
    },
  },
  {
    name: `${kind}: names match in any case`,
    run() {
      for (const name of ['traceparent', 'Traceparent', 'TraceParent', 'TRACEPARENT']) {
        assert.equal(extract(from([[name, TRACEPARENT]])).spanContext?.traceId, TRACE_ID, name);
      }
    },
  },
  {
    name: `${kind}: the context of a CloudEvent is read where the plain one is missing, as a pair`,
    run() {
      const event: [string, string][] = [
        ['Ce-Traceparent', TRACEPARENT],
        ['ce-tracestate', 'vendor=1'],
        ['tracestate', 'other=1'],
      ];
      const { outcome, spanContext } = extract(from(event));
      assert.equal(outcome, 'continued');
      assert.equal(spanContext?.traceId, TRACE_ID);
      assert.equal(spanContext?.traceState?.serialize(), 'vendor=1');
      const plain = extract(from([...event, ['traceparent', OTHER]])).spanContext;
      assert.equal(plain?.traceId, 'f'.repeat(32));
      assert.equal(plain?.traceState?.serialize(), 'other=1');
      assert.equal(extract(from([...event, ['traceparent', 'garbage']])).outcome, 'invalid');
    },
  },
  {
    name: `${kind}: similar names do not match`,
    run() {
      for (const name of ['transparent', 'trace-parent', 'traceparent2', 'xtraceparent', 'traceparen']) {
        assert.equal(extract(from([[name, TRACEPARENT]])).outcome, 'absent', name);
      }
    },
  },
  {
    name: `${kind}: two traceparent lines are repeated, in one spelling or in two`,
    run() {
      for (const name of ['traceparent', 'Traceparent']) {
        const { outcome, reason } = extract(
          from([
            ['traceparent', TRACEPARENT],
            [name, OTHER],
          ]),
        );
        assert.deepEqual([outcome, reason], ['invalid', 'repeated']);
      }
    },
  },
  {
    name: `${kind}: tracestate and baggage lines are joined in order`,
    run() {
      const { context } = extract(
        from([
          ['traceparent', TRACEPARENT],
          ['tracestate', 'b=1,a=2'],
          ['baggage', 'x=1'],
          ['tracestate', 'c=3'],
          ['baggage', 'y=2'],
        ]),
      );
      assert.deepEqual(inject(context), {
        traceparent: TRACEPARENT,
        tracestate: 'b=1,a=2,c=3',
        baggage: 'x=1,y=2',
      });
    },
  },
  {
    name: `${kind}: an empty traceparent is there, and invalid`,
    run() {
      assert.equal(extract(from([['traceparent', '']])).reason, 'malformed');
    },
  },
]);

const nats: Case[] = [
  {
    name: 'NATS headers: a message without headers is absent',
    run() {
      assert.equal(extract(fromNatsHeaders(undefined)).outcome, 'absent');
    },
  },
  {
    name: 'NATS headers: values of two spellings are joined in the order of their names',
    run() {
      const headers = natsHeaders([
        ['Baggage', 'a=1'],
        ['baggage', 'b=2'],
      ]);
      assert.deepEqual(entriesOf(extract(fromNatsHeaders(headers)).context), ['a=1', 'b=2']);
    },
  },
  {
    name: 'NATS headers: headers that throw are unreadable',
    run() {
      const headers = {
        keys(): string[] {
          throw new Error('broken');
        },
        values: () => [],
      };
      assert.equal(extract(fromNatsHeaders(headers)).reason, 'unreadable');
    },
  },
];

const record: Case[] = [
  {
    name: 'record: a carrier is read back',
    run() {
      const carrier = { traceparent: TRACEPARENT, tracestate: 'a=1', baggage: 'k=v' };
      assert.deepEqual(inject(extract(fromRecord(carrier)).context), carrier);
    },
  },
  {
    name: 'record: names match in any case, and two spellings are repeated',
    run() {
      assert.equal(extract(fromRecord({ Traceparent: TRACEPARENT })).outcome, 'continued');
      assert.equal(extract(fromRecord({ Traceparent: TRACEPARENT, traceparent: OTHER })).reason, 'repeated');
    },
  },
  {
    name: 'record: what is no string is ignored',
    run() {
      for (const traceparent of [undefined, null, 1, true, {}, [TRACEPARENT], () => TRACEPARENT]) {
        assert.equal(extract(fromRecord({ traceparent })).outcome, 'absent');
      }
      assert.equal(extract(fromRecord({ traceparent: TRACEPARENT, tracestate: null })).outcome, 'continued');
    },
  },
  {
    name: 'record: inherited properties are ignored',
    run() {
      assert.equal(extract(fromRecord(Object.create({ traceparent: TRACEPARENT }))).outcome, 'absent');
      assert.equal(
        extract(fromRecord(JSON.parse(`{"__proto__":{"traceparent":"${TRACEPARENT}"}}`))).outcome,
        'absent',
      );
    },
  },
  {
    name: 'record: a property that throws makes its own field unreadable and no other',
    run() {
      const row = {
        traceparent: TRACEPARENT,
        get baggage(): string {
          throw new Error('broken');
        },
      };
      const { outcome, dropped } = extract(fromRecord(row));
      assert.deepEqual([outcome, dropped.baggage], ['continued', 'unreadable']);
    },
  },
];

const writing: Case[] = [
  {
    name: 'setCarrier: sets the fields that are present, under lowercase names',
    run() {
      const set: [string, string][] = [];
      setCarrier({ baggage: 'k=v', traceparent: TRACEPARENT }, (name, value) => set.push([name, value]));
      assert.deepEqual(set, [
        ['traceparent', TRACEPARENT],
        ['baggage', 'k=v'],
      ]);
      setCarrier({}, () => assert.fail('nothing to set'));
    },
  },
  {
    name: 'setCarrier: writes to Fetch headers what fromHeaders reads',
    run() {
      const carrier = { traceparent: TRACEPARENT, tracestate: 'a=1,b=2', baggage: 'k=%0D%0A' };
      const headers = new Headers();
      setCarrier(carrier, (name, value) => headers.set(name, value));
      assert.deepEqual(inject(extract(fromHeaders(headers)).context), carrier);
    },
  },
  {
    name: 'carrier: survives JSON and structured clone, as on its way to the bridge and through SQLite',
    run() {
      const carrier = inject(extract(fromRecord({ traceparent: TRACEPARENT, baggage: 'k=v' })).context);
      assert.deepEqual(JSON.parse(JSON.stringify(carrier)), carrier);
      assert.deepEqual(structuredClone(carrier), carrier);
    },
  },
];

export const carrierCases: Case[] = [...everywhere, ...nats, ...record, ...writing];
