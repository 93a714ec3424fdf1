import assert from 'node:assert/strict';
import {
  extract,
  fromHeaders,
  fromNatsHeaders,
  fromRecord,
  inject,
  setCarrier,
} from '../../../shared/propagation/index.ts';
import { type Case, entriesOf, TRACE_ID, TRACEPARENT } from '../support.ts';
import { KINDS, type Kind, kindsWhere, natsHeaders } from './carrier-kinds.ts';

const OTHER = TRACEPARENT.replace(TRACE_ID, 'f'.repeat(32));

/** A name as this kind of carrier spells it. */
const spelled = ({ anyCase }: Kind, name: string): string => (anyCase ? name : name.toUpperCase());

const everywhere = Object.entries(KINDS).flatMap(([label, kind]): Case[] => [
  {
    name: `${label}: no header is absent`,
    run() {
      assert.equal(extract(kind.from([])).outcome, 'absent');
      assert.equal(extract(kind.from([['x-other', '1']])).outcome, 'absent');
    },
  },
  {
    name: `${label}: one line of each is read`,
    run() {
      const carrier = { traceparent: TRACEPARENT, tracestate: 'b=1,a=2 c', baggage: 'k=%0D%0A,l=w;p=1' };
      const lines = Object.entries(carrier).map(([name, value]) => [spelled(kind, name), value] as const);
      assert.deepEqual(inject(extract(kind.from(lines)).context), carrier);
    },
  },
  {
    name: `${label}: similar names do not match`,
    run() {
      for (const name of ['transparent', 'trace-parent', 'traceparent2', 'xtraceparent', 'traceparen']) {
        assert.equal(extract(kind.from([[spelled(kind, name), TRACEPARENT]])).outcome, 'absent', name);
      }
    },
  },
  {
    name: `${label}: a broken value is invalid, never absent`,
    run() {
      for (const value of [
        'x',
        TRACEPARENT.slice(1),
        `${TRACEPARENT}-00`,
        'é',
        '\ud83d\ude00',
        'a'.repeat(70_000),
      ]) {
        // A Fetch header has only Latin-1.
        if (label === 'Fetch headers' && value === '\ud83d\ude00') continue;
        const { outcome } = extract(kind.from([[spelled(kind, 'traceparent'), value]]));
        assert.equal(outcome, value.length > 60_000 && label === 'SQL comment' ? 'absent' : 'invalid');
      }
    },
  },
]);

const inAnyCase = kindsWhere(({ anyCase }) => anyCase).flatMap(([label, { from }]): Case[] => [
  {
    name: `${label}: names match in any case`,
    run() {
      for (const name of ['traceparent', 'Traceparent', 'TraceParent', 'TRACEPARENT']) {
        assert.equal(extract(from([[name, TRACEPARENT]])).spanContext?.traceId, TRACE_ID, name);
      }
    },
  },
  {
    name: `${label}: the context of a CloudEvent is read where the plain one is missing, as a pair`,
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
    name: `${label}: the context of a CloudEvent is percent-decoded once, and the plain one is not`,
    run() {
      const encoded = TRACEPARENT.replaceAll('-', '%2D');
      const lines: [string, string][] = [
        ['ce-traceparent', encoded],
        ['ce-tracestate', 'v%3D100%25,w=a%2520%22b'],
      ];
      const { spanContext } = extract(from(lines));
      assert.equal(spanContext?.traceId, TRACE_ID);
      assert.equal(spanContext?.traceState?.serialize(), 'v=100%,w=a%20"b');
      assert.equal(extract(from([['traceparent', encoded]])).outcome, 'invalid');
    },
  },
  {
    name: `${label}: traceparent in two spellings is repeated`,
    run() {
      const lines: [string, string][] = [
        ['traceparent', TRACEPARENT],
        ['Traceparent', OTHER],
      ];
      assert.equal(extract(from(lines)).reason, 'repeated');
    },
  },
  {
    name: `${label}: an empty traceparent is there, and invalid`,
    run() {
      assert.equal(extract(from([['traceparent', '']])).reason, 'malformed');
    },
  },
]);

const inLines = kindsWhere(({ repeats }) => repeats).flatMap(([label, { from }]): Case[] => [
  {
    name: `${label}: two traceparent lines are repeated`,
    run() {
      const lines: [string, string][] = [
        ['traceparent', TRACEPARENT],
        ['traceparent', OTHER],
      ];
      assert.equal(extract(from(lines)).reason, 'repeated');
    },
  },
  {
    name: `${label}: tracestate and baggage lines are joined in order`,
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

export const carrierCases: Case[] = [...everywhere, ...inAnyCase, ...inLines, ...nats, ...record, ...writing];
