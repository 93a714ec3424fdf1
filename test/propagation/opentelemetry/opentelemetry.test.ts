/** Our propagator against OpenTelemetry's own: on any header they agree, or a sentence decides who is right. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BAGGAGE_LIMITS, MEMBER, storedKeys } from './baggage-differences.ts';
import { type Fields, type Read, readBoth, writeOurs } from './both.ts';
import { type Difference, TRACEPARENT, TRACESTATE } from './differences.ts';
import { baggages, traceparents, tracestates } from './generated.ts';

const RUNS = 5_000;
const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

type Pair = { ours: Read; theirs: Read };

const spansAgree = ({ ours, theirs }: Pair): boolean =>
  ours.span === theirs.span && ours.flags === theirs.flags;
const statesAgree = ({ ours, theirs }: Pair): boolean => ours.tracestate === theirs.tracestate;

function keysThatDiffer({ ours, theirs }: Pair): readonly string[] {
  const keys = new Set([...ours.baggage.keys(), ...theirs.baggage.keys()]);
  return [...keys].filter((key) => ours.baggage.get(key) !== theirs.baggage.get(key));
}

function isExplained<T>(kinds: readonly Difference<T>[], header: T, { ours, theirs }: Pair): boolean {
  return kinds.some(({ explains }) => explains(header, ours, theirs));
}

/** Whether one of the members that were stored under the key explains why the two differ there. */
function isMemberExplained(key: string, text: string, pair: Pair): boolean {
  const members = text.split(',').filter((member) => storedKeys(member).includes(key));
  return members.some((member) => isExplained(MEMBER, member, pair));
}

function expectBaggage(text: string): void {
  const both = readBoth({ baggage: text });
  if (isExplained([BAGGAGE_LIMITS], text, both)) return;
  expect(keysThatDiffer(both).filter((key) => !isMemberExplained(key, text, both))).toEqual([]);
}

function check<T>(values: fc.Arbitrary<T>, each: (value: T) => void): void {
  fc.assert(fc.property(values, each), { numRuns: RUNS });
}

describe('any other difference than the listed ones fails', () => {
  test('traceparent', () => {
    check(traceparents, (text) => {
      const both = readBoth({ traceparent: text });
      expect(spansAgree(both) || isExplained(TRACEPARENT, text, both), JSON.stringify(both)).toBe(true);
    });
  });

  test('tracestate', () => {
    check(tracestates, (text) => {
      const both = readBoth({ traceparent: PARENT, tracestate: text });
      expect(spansAgree(both)).toBe(true);
      expect(statesAgree(both) || isExplained(TRACESTATE, text, both), JSON.stringify(both)).toBe(true);
    });
  });

  test('baggage', () => {
    check(baggages, expectBaggage);
  });

  test('what we send after any of these headers', () => {
    check(fc.record({ tracestate: tracestates, baggage: baggages }), (fields) => {
      const sent: Fields = writeOurs(readBoth({ traceparent: PARENT, ...fields }).context);
      const both = readBoth(sent);
      expect(spansAgree(both)).toBe(true);
      const { tracestate = '', baggage = '' } = sent;
      expect(statesAgree(both) || isExplained(TRACESTATE, tracestate, both), tracestate).toBe(true);
      expectBaggage(baggage);
    });
  });
});

describe('each listed difference is one', () => {
  test.each(TRACEPARENT)('traceparent: $name', ({ example, explains }) => {
    const both = readBoth({ traceparent: example });
    expect(spansAgree(both)).toBe(false);
    expect(explains(example, both.ours, both.theirs)).toBe(true);
  });

  test.each(TRACESTATE)('tracestate: $name', ({ example, explains }) => {
    const both = readBoth({ traceparent: PARENT, tracestate: example });
    expect(statesAgree(both)).toBe(false);
    expect(explains(example, both.ours, both.theirs)).toBe(true);
  });

  test.each([...MEMBER, BAGGAGE_LIMITS])('baggage: $name', ({ example, explains }) => {
    const both = readBoth({ baggage: example });
    expect(keysThatDiffer(both)).not.toEqual([]);
    expect(explains(example, both.ours, both.theirs)).toBe(true);
  });

  test('two traceparent values: we start a new trace, they take the first (RFC 9110, 5.3; the field is no list)', () => {
    const both = readBoth({ traceparent: [PARENT, PARENT.replace('4bf', 'aaa')] });
    expect([both.ours.span, both.theirs.span]).toEqual([undefined, PARENT.slice(3, 52)]);
  });
});
