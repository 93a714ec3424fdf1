import assert from 'node:assert/strict';
import {
  baggageEntryMetadataFromString,
  defaultTextMapGetter,
  propagation,
  ROOT_CONTEXT,
  trace,
} from '@opentelemetry/api';
import fc from 'fast-check';
import {
  type Carrier,
  extract,
  fromHeaders,
  fromRecord,
  inject,
  ThroughlinePropagator,
  TraceState,
} from '../../../shared/propagation/index.ts';
import { type Case, type Headers as Row, read, SENT, TRACEPARENT, withSpan } from '../support.ts';

const RUNS = 400;

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });
const nonZero = (length: number) => hex(length).filter((id) => /[^0]/.test(id));
const traceparents = fc
  .tuple(nonZero(32), nonZero(16), fc.constantFrom('00', '01', '02', '03'))
  .map(([traceId, spanId, flags]) => `00-${traceId}-${spanId}-${flags}`);

/** Any text, or a text that looks like a header, with many separators, escapes and blanks. */
const TROUBLE = [
  ',',
  ';',
  '=',
  '%',
  ' ',
  '\t',
  '\r\n',
  '-',
  '@',
  '%0d%0a',
  '%ff',
  '\u0000',
  'é',
  'a',
  'b',
  '0',
];
const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.constantFrom(...TROUBLE), { maxLength: 60 }).map((parts) => parts.join('')),
);
const lines = fc.oneof(fc.constant([]), fc.array(fc.oneof(texts, traceparents), { maxLength: 3 }));
const rows: fc.Arbitrary<Row> = fc.record({
  traceparent: fc.oneof(lines, traceparents),
  tracestate: lines,
  baggage: lines,
});

const stateKeys = fc.stringMatching(/^[a-z0-9][a-z0-9_*/@-]{0,12}$/);
const stateValues = fc.stringMatching(/^[ -+\--<>-~]{0,20}[!-+\--<>-~]$/);
const stateMembers = fc.uniqueArray(fc.tuple(stateKeys, stateValues), {
  maxLength: 14,
  selector: ([key]) => key,
});
const tokens = fc.stringMatching(/^[\w!#$%&'*+.^`|~-]{1,12}$/);
const wellFormed = fc.string({ unit: 'grapheme', maxLength: 20 });
const controls = fc.string({ unit: fc.constantFrom(...'\u0000\t\r\n\u001b\u007f ,;%"\\='), maxLength: 8 });
const baggageMembers = fc.uniqueArray(fc.tuple(tokens, fc.oneof(wellFormed, controls)), {
  maxLength: 12,
  selector: ([key]) => key,
});

function assertSendable(carrier: Carrier): void {
  for (const value of Object.values(carrier)) assert.notEqual(value, '');
  if (carrier.traceparent !== undefined) assert.match(carrier.traceparent, SENT.traceparent);
  if (carrier.tracestate !== undefined) {
    assert.ok(carrier.traceparent);
    assert.ok(carrier.tracestate.length <= 512);
    assert.match(carrier.tracestate, SENT.tracestate);
  }
  const members = carrier.baggage?.split(',') ?? [];
  assert.ok(members.length <= 64 && (carrier.baggage?.length ?? 0) <= 8192);
  for (const member of members) assert.match(member, SENT.baggageMember);
}

const property = <T>(
  name: string,
  values: fc.Arbitrary<T>,
  check: (value: T) => void,
  runs = RUNS,
): Case => ({
  name: `property: ${name}`,
  run: () => fc.assert(fc.property(values, check), { numRuns: runs }),
});

/** Span contexts, states and entries as another program might make them, with any strings. */
const foreign = fc.record({
  span: fc.record({
    traceId: fc.oneof(hex(32), fc.string()),
    spanId: fc.oneof(hex(16), fc.string()),
    traceFlags: fc.integer(),
  }),
  state: fc.array(fc.tuple(fc.oneof(stateKeys, texts), fc.oneof(stateValues, texts)), { maxLength: 40 }),
  entries: fc.array(fc.tuple(fc.oneof(tokens, texts), texts, fc.option(texts)), { maxLength: 70 }),
});

const VERSION_00 = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const LATER = /^(?!00|ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-[^,]*)?$/s;

/** A valid value in which one part is replaced by something else. */
const mutants = fc
  .tuple(
    traceparents,
    fc.nat(55),
    fc.nat(3),
    fc.oneof(fc.constantFrom('', '-', 'f', '0', 'cc', 'ff', 'A', ',', '.'), fc.string()),
  )
  .map(([text, at, length, instead]) => text.slice(0, at) + instead + text.slice(at + length))
  .filter((text) => !/^[ \t]|[ \t]$/.test(text));

export const propertyCases: Case[] = [
  property('extract never throws, and what it gives can always be sent', rows, (row) => {
    assertSendable(inject(read(row).context));
  }),
  property('extract never throws, whatever a reader gives', fc.anything(), (value) => {
    const { outcome } = extract(() => value as string[]);
    assert.ok(['continued', 'absent', 'invalid'].includes(outcome));
  }),
  property(
    'fromRecord takes any object',
    fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom('traceparent', 'baggage', '__proto__')),
      fc.anything(),
    ),
    (record) => {
      assert.notEqual(extract(fromRecord(record)).outcome, 'continued');
    },
  ),
  property('the propagator takes any carrier', fc.anything(), (carrier) => {
    new ThroughlinePropagator().extract(ROOT_CONTEXT, carrier, defaultTextMapGetter);
  }),
  property('an extraction is consistent in itself', rows, (row) => {
    const { context, outcome, reason, spanContext, dropped } = read(row);
    assert.equal(spanContext !== undefined, outcome === 'continued');
    assert.equal(reason !== undefined, outcome === 'invalid');
    assert.equal(trace.getSpanContext(context), spanContext);
    assert.ok(dropped.baggageMembers > 0 === (dropped.baggage !== undefined));
    assert.ok(dropped.tracestateMembers > 0 === (dropped.tracestate !== undefined));
  }),
  property(
    'traceparent is continued exactly where the grammar says so',
    mutants,
    (traceparent) => {
      const valid = VERSION_00.test(traceparent) || LATER.test(traceparent);
      assert.equal(read({ traceparent }).outcome === 'continued', valid);
    },
    2_000,
  ),
  property(
    'inject sends valid fields only, whatever is in the context',
    foreign,
    ({ span, state, entries }) => {
      const traceState = state.reduceRight((list, [key, value]) => list.set(key, value), TraceState.EMPTY);
      let baggage = propagation.createBaggage();
      for (const [key, value, text] of entries) {
        const metadata = text === null ? {} : { metadata: baggageEntryMetadataFromString(text) };
        baggage = baggage.setEntry(key, { value, ...metadata });
      }
      assertSendable(inject(propagation.setBaggage(withSpan({ ...span, traceState }), baggage)));
      assertSendable(inject(propagation.setBaggage(withSpan({ traceState }), baggage)));
    },
  ),
  property(
    'what is injected is extracted as it was: ids, flags, tracestate, baggage',
    fc.tuple(nonZero(32), nonZero(16), fc.nat(3), stateMembers, baggageMembers),
    ([traceId, spanId, traceFlags, state, entries]) => {
      const traceState = state.reduceRight((list, [key, value]) => list.set(key, value), TraceState.EMPTY);
      const baggage = entries.reduce(
        (all, [key, value]) => all.setEntry(key, { value }),
        propagation.createBaggage(),
      );
      const sent = inject(
        propagation.setBaggage(withSpan({ traceId, spanId, traceFlags, traceState }), baggage),
      );
      const { context, spanContext, dropped } = extract(fromRecord(sent));
      assert.deepEqual(
        [spanContext?.traceId, spanContext?.spanId, spanContext?.traceFlags],
        [traceId, spanId, traceFlags],
      );
      assert.equal(spanContext?.traceState?.serialize() ?? '', traceState.serialize());
      for (const [key, value] of state) assert.equal(spanContext?.traceState?.get(key), value);
      const received = propagation.getBaggage(context)?.getAllEntries() ?? [];
      assert.deepEqual(
        received,
        entries.map(([key, value]) => [key, { value }]),
      );
      assert.deepEqual(dropped, { tracestateMembers: 0, baggageMembers: 0 });
      assert.deepEqual(inject(context), sent);
    },
  ),
  property('what is injected passes through Fetch headers', fc.tuple(rows, foreign), ([row, { entries }]) => {
    const { context } = read({ ...row, traceparent: TRACEPARENT });
    const baggage = entries.reduce(
      (all, [key, value]) => all.setEntry(key, { value }),
      propagation.createBaggage(),
    );
    const sent = inject(propagation.setBaggage(context, baggage));
    assert.deepEqual(inject(extract(fromHeaders(new Headers(sent))).context), sent);
  }),
  property('a second hop changes nothing more', rows, (row) => {
    const first = inject(read(row).context);
    assert.deepEqual(inject(extract(fromRecord(first)).context), first);
  }),
];
