import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  type Carrier,
  type CarrierReader,
  extract,
  fromAmqpHeaders,
  fromCeleryHeaders,
  fromEnvironment,
  fromGrpcMetadata,
  fromKafkaHeaders,
  fromMessageAttributes,
  fromPayload,
  fromSqlComment,
  inject,
  withCarrier,
  withEnvironment,
  withMessageAttributes,
  withPayload,
  withSqlComment,
} from '../../../shared/propagation/index.ts';
import { type Case, read, TRACE_ID, TRACEPARENT } from '../support.ts';
import { KINDS, type Kind } from './carrier-kinds.ts';

const OTHER = TRACEPARENT.replace(TRACE_ID, 'f'.repeat(32));
const WHOLE: Carrier = { traceparent: TRACEPARENT, tracestate: 'b=1,a=2 c', baggage: 'k=%0D%0A,l=w;p=1' };

/** Carriers as `inject` makes them, of any texts that somebody sent. */
const carriers = fc
  .record({
    hasParent: fc.boolean(),
    tracestate: fc.stringMatching(/^[a-z0-9_=,@*/ %'"\\-]{0,40}$/),
    baggage: fc.string({ unit: 'grapheme', maxLength: 30 }),
  })
  .map(({ hasParent, tracestate, baggage }) =>
    inject(
      read({
        ...(hasParent && { traceparent: TRACEPARENT }),
        tracestate: [`v=${tracestate}`],
        baggage: [`k=${encodeURIComponent(baggage)}`],
      }).context,
    ),
  );

const expected = ({ omits }: Kind, carrier: Carrier): Carrier => {
  const { baggage, ...others } = carrier;
  return omits === undefined && baggage !== undefined ? { ...others, baggage } : others;
};

const arrives = (kind: Kind, carrier: Carrier, over: Parameters<Kind['write']>[1] = []): void =>
  assert.deepEqual(inject(extract(kind.write(carrier, over)).context), expected(kind, carrier));

const everywhere = Object.entries(KINDS).flatMap(([label, kind]): Case[] => [
  {
    name: `${label}: whatever inject gives arrives as it was sent`,
    run: () =>
      fc.assert(
        fc.property(carriers, (carrier) => arrives(kind, carrier)),
        { numRuns: 100 },
      ),
  },
  {
    name: `${label}: what is written stands in the place of what was there, in any spelling`,
    run() {
      const old = [
        ['Traceparent', OTHER],
        ['TRACESTATE', 'old=1'],
        ['baggage', 'old=1'],
      ] as const;
      for (const carrier of [WHOLE, { traceparent: TRACEPARENT }, {}]) arrives(kind, carrier, old);
    },
  },
]);

const attributes: Case[] = [
  {
    name: 'SQS attributes: a message has ten at most, and those of the sender come first',
    run() {
      const kept = [10, 9, 8, 7, 6].map((count) => {
        const own = Object.fromEntries(
          Array.from({ length: count }, (_, i) => [`own${i}`, { DataType: 'Number' }]),
        );
        const written = withMessageAttributes(own, WHOLE);
        assert.ok(Object.keys(written).length <= 10);
        assert.deepEqual(Object.keys(written).slice(0, count), Object.keys(own));
        return Object.keys(written).slice(count);
      });
      assert.deepEqual(kept, [
        [],
        ['traceparent'],
        ['traceparent', 'tracestate'],
        ['traceparent', 'tracestate', 'baggage'],
        ['traceparent', 'tracestate', 'baggage'],
      ]);
    },
  },
  {
    name: 'SQS attributes: an old carrier makes room for the new one',
    run() {
      const own = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`own${i}`, {}]));
      const written = withMessageAttributes({ Traceparent: { StringValue: OTHER }, ...own }, WHOLE);
      assert.equal(extract(fromMessageAttributes(written)).spanContext?.traceId, TRACE_ID);
    },
  },
];

const SQL = 'SELECT a FROM t';
const COMMENT = `/*traceparent='${TRACEPARENT}',tracestate='congo%3Dt61rcWkgMzE%2Crojo%3D1'*/`;
const CONGO: Carrier = { traceparent: TRACEPARENT, tracestate: 'congo=t61rcWkgMzE,rojo=1' };

const sql: Case[] = [
  {
    name: 'SQL comment: it is the comment of sqlcommenter, at the end and before a semicolon',
    run() {
      assert.equal(withSqlComment(SQL, CONGO), `${SQL} ${COMMENT}`);
      assert.equal(withSqlComment(`${SQL};\n`, CONGO), `${SQL} ${COMMENT};\n`);
    },
  },
  {
    name: 'SQL comment: a statement that has a comment stays as it is',
    run() {
      for (const statement of [`${SQL} /* by hand */`, `${SQL} -- by hand`, `/* hint */ ${SQL}`, '']) {
        assert.equal(withSqlComment(statement, CONGO), statement);
      }
      assert.equal(withSqlComment(SQL, { baggage: 'k=v' }), SQL);
    },
  },
  {
    name: 'SQL comment: tags of other programs around ours do no harm, and only the last comment counts',
    run() {
      const tags = `action='%2Fparam*d',controller='it\\'s',${COMMENT.slice(2, -2)},route='a'`;
      const statement = `SELECT '/*traceparent=' /*traceparent='${OTHER}'*/ FROM t /*${tags}*/ ; `;
      assert.deepEqual(inject(extract(fromSqlComment(statement)).context), CONGO);
      assert.equal(extract(fromSqlComment(`SELECT 1 /*traceparent='${OTHER}'*/ FROM t`)).outcome, 'absent');
    },
  },
  {
    name: 'SQL comment: no value ends the comment or its own quotes',
    run() {
      fc.assert(
        fc.property(fc.string({ unit: 'binary-ascii' }), (tracestate) => {
          const written = withSqlComment(SQL, { traceparent: TRACEPARENT, tracestate });
          assert.equal(written.indexOf('*/'), written.length - 2);
          assert.equal(written.split("'").length, 5);
        }),
        { numRuns: 300 },
      );
    },
  },
];

const others: Case[] = [
  {
    name: 'withCarrier: the other headers stay, with their values and in their order',
    run() {
      const bytes = new Uint8Array([1]);
      const written = withCarrier({ a: bytes, baggage: 'old=1', 'ce-traceparent': OTHER, b: 'x' }, CONGO);
      assert.deepEqual(Object.entries(written), [
        ['a', bytes],
        // CloudEvents: the extension names the first hop, and stays.
        ['ce-traceparent', OTHER],
        ['b', 'x'],
        ...Object.entries(CONGO),
      ]);
      assert.deepEqual(withCarrier(undefined, {}), {});
    },
  },
  {
    name: 'Celery headers: the two levels are never mixed',
    run() {
      const nested = { traceparent: OTHER, tracestate: 'old=1', baggage: 'old=1' };
      const { context } = extract(fromCeleryHeaders({ traceparent: TRACEPARENT, headers: nested }));
      assert.deepEqual(inject(context), { traceparent: TRACEPARENT });
    },
  },
  {
    name: 'environment: an empty variable is unset, and other variables stay',
    run() {
      assert.equal(extract(fromEnvironment({ TRACEPARENT: '' })).outcome, 'absent');
      assert.deepEqual(withEnvironment({ PATH: '/bin', NOTHING: undefined }, { traceparent: TRACEPARENT }), {
        PATH: '/bin',
        NOTHING: undefined,
        TRACEPARENT,
      });
    },
  },
  {
    name: 'JSON payload: the field may have another name, and is left out if there is nothing to say',
    run() {
      const payload = withPayload({ order: 7 }, { traceparent: TRACEPARENT }, '_meta');
      assert.deepEqual(payload, { order: 7, _meta: { traceparent: TRACEPARENT } });
      assert.equal(extract(fromPayload(payload, '_meta')).outcome, 'continued');
      assert.equal(extract(fromPayload(payload)).outcome, 'absent');
      assert.deepEqual(withPayload({ order: 7, trace: { traceparent: OTHER } }, {}), { order: 7 });
    },
  },
  {
    name: 'bytes that are not UTF-8 and byte order marks are faults of their field',
    run() {
      const text = new TextEncoder().encode(TRACEPARENT);
      for (const start of [[0xff], [0xef, 0xbb, 0xbf]]) {
        const traceparent = Uint8Array.from([...start, ...text]);
        assert.equal(extract(fromKafkaHeaders({ traceparent })).reason, 'malformed');
      }
    },
  },
];

/** Every reader that takes what a library gives, whatever that is. */
const READERS: Readonly<Record<string, (value: never) => CarrierReader>> = {
  fromAmqpHeaders,
  fromCeleryHeaders,
  fromEnvironment,
  fromGrpcMetadata,
  fromKafkaHeaders,
  fromMessageAttributes,
  fromPayload,
  fromSqlComment,
};

const hostile: Case[] = [
  ...Object.entries(READERS).map(([label, from]): Case => {
    const values = fc.oneof(
      fc.anything({ withMap: true, withTypedArray: true, withNullPrototype: true }),
      fc.dictionary(fc.constantFrom('traceparent', 'headers', 'trace', '__proto__'), fc.anything()),
    );
    return {
      name: `property: ${label} never throws, whatever a library gives`,
      run: () =>
        fc.assert(
          fc.property(values, (value) => {
            const { outcome } = extract(from(value as never));
            assert.notEqual(outcome, 'continued');
          }),
          { numRuns: 400 },
        ),
    };
  }),
  {
    name: 'property: what writes a carrier over other entries keeps all of them, whatever they are',
    run() {
      const keys = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'Baggage'));
      fc.assert(
        fc.property(fc.dictionary(keys, fc.anything()), (entries) => {
          const own = Object.keys(entries).filter((key) => key !== 'Baggage');
          for (const written of [withCarrier(entries, CONGO), withPayload(entries, CONGO, 'Baggage')]) {
            assert.ok(own.every((key) => Object.hasOwn(written, key)));
          }
        }),
      );
    },
  },
];

export const writingCases: Case[] = [...everywhere, ...attributes, ...sql, ...others, ...hostile];
