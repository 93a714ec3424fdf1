import assert from 'node:assert/strict';
import { createTraceState, trace } from '@opentelemetry/api';
import { inject, TraceState, type TracestateDropReason } from '../../../shared/propagation/index.ts';
import { type Case, members, read, readState, TRACEPARENT, withSpan } from '../support.ts';

const LONGEST_KEY = 'z'.repeat(256);
const LONGEST_VALUE = 'v'.repeat(256);
const ALL_VALUE_CHARACTERS = ' !"#$%&\'()*+-./0123456789:;<>?@ABCXYZ[\\]^_`abcxyz{|}~';

/** The rule, the lines, and what is sent on. */
export const GOOD: readonly (readonly [rule: string, lines: string[], sent: string])[] = [
  ['one member is kept', ['foo=1'], 'foo=1'],
  ['the order of members is kept', ['foo=1,bar=2,baz=3'], 'foo=1,bar=2,baz=3'],
  [
    'several lines are joined in order',
    ['foo=1,bar=2', 'rojo=1,congo=2', 'baz=3'],
    'foo=1,bar=2,rojo=1,congo=2,baz=3',
  ],
  ['white space around members is dropped', ['\t foo=1 \t , \t bar=2,\t baz=3 \t'], 'foo=1,bar=2,baz=3'],
  ['empty members are skipped', [',foo=1,, ,\t,bar=2,'], 'foo=1,bar=2'],
  ['an empty line is skipped', ['', 'foo=1', ''], 'foo=1'],
  ['a key may begin with a digit', ['0foo=1'], '0foo=1'],
  ['a key may hold every character of the grammar', ['az09_-*/@=1'], 'az09_-*/@=1'],
  [
    'a key may hold several at signs, as level 2 has it',
    ['foo@=1,foo@@bar=2,a@b@c=3'],
    'foo@=1,foo@@bar=2,a@b@c=3',
  ],
  [
    'a long tenant before the at sign is valid at level 2',
    [`${'t'.repeat(242)}@v=1`],
    `${'t'.repeat(242)}@v=1`,
  ],
  ['a key of 256 characters is kept', [`foo=1,${LONGEST_KEY}=1`], `foo=1,${LONGEST_KEY}=1`],
  ['a value of 256 characters is kept', [`foo=${LONGEST_VALUE}`], `foo=${LONGEST_VALUE}`],
  [
    'a value may hold every character of the grammar',
    [`foo=${ALL_VALUE_CHARACTERS}`],
    `foo=${ALL_VALUE_CHARACTERS}`,
  ],
  ['blanks at the start of a value belong to it', ['foo=  1'], 'foo=  1'],
  ['blanks at the end of a value do not belong to it', ['foo=1  ,bar=2'], 'foo=1,bar=2'],
  ['a list of 16,640 characters is read', [`a=1,${' '.repeat(16_636)}`], 'a=1'],
  ['32 members are kept', [members(32)], members(32)],
  [
    '32 members in several lines, with empty ones between, are kept',
    [members(31), '', ' , z=1'],
    `${members(31)},z=1`,
  ],
  [
    '512 characters are sent',
    [`a=${'v'.repeat(254)},b=${'v'.repeat(253)}`],
    `a=${'v'.repeat(254)},b=${'v'.repeat(253)}`,
  ],
];

type Bad = readonly [rule: string, lines: string[], reason: TracestateDropReason, dropped: number];

/** The rule, the lines, and why the whole list is dropped. */
export const BAD: readonly Bad[] = [
  ['33 members', [members(33)], 'too-many-members', 33],
  ['33 members in two lines', [members(32), 'z=1'], 'too-many-members', 33],
  ['an uppercase key', ['foo=1,BAR=2'], 'malformed-key', 2],
  ['a key with a blank at its end', ['foo =1'], 'malformed-key', 1],
  ['a key with a dot', ['foo.bar=1,ok=1'], 'malformed-key', 2],
  ['a key that begins with an at sign', ['@foo=1,bar=2'], 'malformed-key', 2],
  ['a key that begins with an underscore', ['_foo=1'], 'malformed-key', 1],
  ['a key of 257 characters', [`foo=1,z${LONGEST_KEY}=1`], 'malformed-key', 2],
  ['an empty key', ['=1'], 'malformed-key', 1],
  ['a member without an equals sign', ['foo,bar=1'], 'malformed-key', 2],
  ['a key that is not ASCII', ['föö=1'], 'malformed-key', 1],
  ['an empty value', ['foo=,bar=3'], 'malformed-value', 2],
  ['a blank value', ['foo= ,bar=3'], 'malformed-value', 2],
  ['a value with an equals sign', ['foo=bar=baz'], 'malformed-value', 1],
  ['a value with a tab inside', ['foo=a\tb'], 'malformed-value', 1],
  ['a value with a line break', ['foo=a\r\nX-Evil: 1'], 'malformed-value', 1],
  ['a value with a NUL', ['foo=a\u0000'], 'malformed-value', 1],
  ['a value that is not ASCII', ['foo=é'], 'malformed-value', 1],
  ['a value of 257 characters', [`foo=v${LONGEST_VALUE}`], 'malformed-value', 1],
  ['a bad member in the last of several lines', ['foo=1', 'bar=2', '!'], 'malformed-key', 3],
  ['a list of 16,641 characters', [`a=1,${' '.repeat(16_637)}`], 'too-long', 1],
  ['100,000 characters', ['a=1,'.repeat(25_000)], 'too-long', 25_000],
];

const V100 = 'v'.repeat(98);
const V129 = 'v'.repeat(127);

/** The rule, the list, what is sent on, and why members were dropped. */
export const CUT: readonly (readonly [
  rule: string,
  list: string,
  sent: string,
  reason: TracestateDropReason,
])[] = [
  ['of two members with one key the first is kept', 'foo=1,bar=2,foo=3', 'foo=1,bar=2', 'duplicate-key'],
  ['of the same member twice one is kept', 'foo=1,foo=1', 'foo=1', 'duplicate-key'],
  [
    'past 512 characters a member over 128 goes before smaller ones to its right',
    `a=${V100},l=${V129},c=${V100},d=${V100},e=${V100}`,
    `a=${V100},c=${V100},d=${V100},e=${V100}`,
    'over-512',
  ],
  [
    'of members over 128 the right one goes first, and no more than needed',
    `a=${V129},b=${V129},c=${V100},d=${V129},e=${V100}`,
    `a=${V129},b=${V129},c=${V100},e=${V100}`,
    'over-512',
  ],
  [
    'members of 128 characters are not over 128: they go from the right',
    `a=${V129.slice(1)},b=${V129.slice(1)},c=${V129.slice(1)},d=${V129.slice(1)},e=1`,
    `a=${V129.slice(1)},b=${V129.slice(1)},c=${V129.slice(1)}`,
    'over-512',
  ],
  [
    'a list is cut to 512 characters exactly, where members end there',
    `a=${V100}vvvvvvvv,b=${V100},c=${V100},d=${V100},e=${V100},f=${V100}`,
    `a=${V100}vvvvvvvv,b=${V100},c=${V100},d=${V100},e=${V100}`,
    'over-512',
  ],
  [
    'a list of 513 characters after a cut is cut again',
    `a=${V100}vvvvvvvvv,b=${V100},c=${V100},d=${V100},e=${V100},f=${V100}`,
    `a=${V100}vvvvvvvvv,b=${V100},c=${V100},d=${V100}`,
    'over-512',
  ],
  [
    'small members go from the right when no large one is left',
    `a=${V100},b=${V100},c=${V100},d=${V100},e=${V100},f=${V100}`,
    `a=${V100},b=${V100},c=${V100},d=${V100},e=${V100}`,
    'over-512',
  ],
  [
    `513 characters are too many`,
    `a=${'v'.repeat(254)},b=${'v'.repeat(254)}`,
    `a=${'v'.repeat(254)}`,
    'over-512',
  ],
  ['a list that cannot be sent at all is not sent empty', `${LONGEST_KEY}=${LONGEST_VALUE}`, '', 'over-512'],
];

const good = GOOD.map(
  ([rule, lines, sent]): Case => ({
    name: `tracestate: ${rule}`,
    run() {
      const { context, dropped } = readState(...lines);
      assert.deepEqual(inject(context), { traceparent: TRACEPARENT, tracestate: sent });
      assert.deepEqual(dropped, { tracestateMembers: 0, baggageMembers: 0 });
    },
  }),
);

const bad = BAD.map(
  ([rule, lines, reason, count]): Case => ({
    name: `tracestate: ${rule} drops the list whole and leaves traceparent alone`,
    run() {
      const { context, outcome, spanContext, dropped } = readState(...lines);
      assert.equal(outcome, 'continued');
      assert.equal(spanContext?.traceState, undefined);
      assert.deepEqual(inject(context), { traceparent: TRACEPARENT });
      assert.deepEqual(dropped, { tracestate: reason, tracestateMembers: count, baggageMembers: 0 });
    },
  }),
);

const cut = CUT.map(
  ([rule, list, sent, reason]): Case => ({
    name: `tracestate: ${rule}`,
    run() {
      const { context, dropped } = readState(list);
      assert.equal(inject(context).tracestate, sent === '' ? undefined : sent);
      const left = sent === '' ? 0 : sent.split(',').length;
      assert.equal(dropped.tracestate, reason);
      assert.equal(dropped.tracestateMembers, list.split(',').length - left);
    },
  }),
);

const extraction: Case[] = [
  {
    name: 'tracestate: empty headers are accepted and never sent',
    run() {
      for (const lines of [[''], [' '], [','], [' ,\t,, '], ['', '']]) {
        const { context, spanContext, dropped } = readState(...lines);
        assert.equal(spanContext?.traceState, undefined);
        assert.deepEqual(inject(context), { traceparent: TRACEPARENT });
        assert.deepEqual(dropped, { tracestateMembers: 0, baggageMembers: 0 });
      }
    },
  },
  {
    name: 'tracestate: is not looked at without a traceparent that continues',
    run() {
      const { context, dropped } = read({ tracestate: 'FOO' });
      assert.deepEqual(inject(context), {});
      assert.equal(dropped.tracestate, undefined);
    },
  },
  {
    name: 'tracestate: 32 members of the greatest length can be read, though none of them be sent',
    run() {
      const keys = Array.from({ length: 32 }, (_, i) => `${i}`.padEnd(256, 'z'));
      const { context, spanContext, dropped } = readState(
        keys.map((key) => `${key}=${LONGEST_VALUE}`).join(),
      );
      assert.ok(keys.every((key) => spanContext?.traceState?.get(key) === LONGEST_VALUE));
      assert.deepEqual(inject(context), { traceparent: TRACEPARENT });
      assert.deepEqual(dropped, { tracestate: 'over-512', tracestateMembers: 32, baggageMembers: 0 });
    },
  },
  {
    name: 'tracestate: members past 512 characters can still be read here',
    run() {
      const { spanContext } = readState(`a=${LONGEST_VALUE},b=${LONGEST_VALUE},ot=th:8`);
      assert.equal(spanContext?.traceState?.get('ot'), 'th:8');
    },
  },
];

const parse = (list: string): TraceState => TraceState.parse([list]).state ?? TraceState.EMPTY;

const state: Case[] = [
  {
    name: 'TraceState: set puts a new member first',
    run() {
      assert.equal(parse('a=1,b=2').set('c', '3').serialize(), 'c=3,a=1,b=2');
    },
  },
  {
    name: 'TraceState: set moves a changed member to the front, once',
    run() {
      assert.equal(parse('a=1,b=2,c=3').set('b', '9').serialize(), 'b=9,a=1,c=3');
    },
  },
  {
    name: 'TraceState: set drops the right-most of 32 members for a new one, and none for a changed one',
    run() {
      assert.equal(parse(members(32)).set('new', '1').serialize(), `new=1,${members(31)}`);
      assert.equal(parse(members(32)).set('k32', 'v').serialize(), `k32=v,${members(31)}`);
    },
  },
  {
    name: 'TraceState: set refuses what the grammar forbids and gives the same list',
    run() {
      const list = parse('a=1');
      for (const [key, value] of [
        ['A', '1'],
        ['', '1'],
        ['a', ''],
        ['a', 'x,y=z'],
        ['a', 'v '],
        ['a', '\r\n'],
        ['a\n', '1'],
      ] as const) {
        assert.equal(list.set(key, value), list, `${key}=${value}`);
      }
    },
  },
  {
    name: 'TraceState: is immutable',
    run() {
      const list = parse('a=1,b=2');
      list.set('c', '3');
      list.unset('a');
      assert.equal(list.serialize(), 'a=1,b=2');
    },
  },
  {
    name: 'TraceState: unset removes a member, get finds one',
    run() {
      const list = parse('a=1,b=2').unset('a').unset('missing');
      assert.equal(list.serialize(), 'b=2');
      assert.deepEqual([list.get('a'), list.get('b')], [undefined, '2']);
      assert.deepEqual([list.size, list.overflow], [1, 0]);
    },
  },
  {
    name: 'TraceState: an empty list is not sent',
    run() {
      assert.deepEqual(inject(withSpan({ traceState: TraceState.EMPTY })), { traceparent: TRACEPARENT });
      assert.deepEqual(inject(withSpan({ traceState: parse('a=1').unset('a') })), {
        traceparent: TRACEPARENT,
      });
    },
  },
  {
    name: 'TraceState: a list of another make is sent by our rules',
    run() {
      assert.equal(inject(withSpan({ traceState: createTraceState('a=1,b=2') })).tracestate, 'a=1,b=2');
      const foreign = {
        ...createTraceState(),
        serialize: () => 'a=1\r\nx: y',
        set: fail,
        unset: fail,
        get: fail,
      };
      assert.deepEqual(inject(withSpan({ traceState: foreign })), { traceparent: TRACEPARENT });
      assert.deepEqual(inject(withSpan({ traceState: { ...foreign, serialize: fail } })), {
        traceparent: TRACEPARENT,
      });
    },
  },
  {
    name: 'TraceState: a child span that inherits the list sends it on',
    run() {
      const { context, spanContext } = readState('a=1,b=2');
      assert.ok(spanContext?.traceState);
      const traceState = spanContext.traceState.set('mine', '1');
      const child = trace.setSpanContext(context, { ...spanContext, spanId: 'c'.repeat(16), traceState });
      assert.equal(inject(child).tracestate, 'mine=1,a=1,b=2');
    },
  },
];

function fail(): never {
  throw new Error('not to be called, or broken');
}

export const tracestateCases: Case[] = [...good, ...bad, ...cut, ...extraction, ...state];
