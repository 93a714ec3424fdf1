import assert from 'node:assert/strict';
import {
  type BaggageEntryMetadata,
  baggageEntryMetadataFromString,
  propagation,
  ROOT_CONTEXT,
} from '@opentelemetry/api';
import { type BaggageDropReason, inject } from '../../../shared/propagation/index.ts';
import { type Case, entriesOf, members, read, readBaggage, TRACEPARENT, withBaggage } from '../support.ts';

const OCTETS = "!#$&'()*+-./0123456789:<=>?@AZ[]^_`az{|}~";
/** As they are sent: some SDKs misread `+` and `=`. */
const SENT_OCTETS = OCTETS.replace('+', '%2B').replace('=', '%3D');

/** The rule, the lines, the entries as they are read, and what is sent on. */
export const GOOD: readonly (readonly [rule: string, lines: string[], entries: string[], sent: string])[] = [
  ['one member is kept', ['k=v'], ['k=v'], 'k=v'],
  ['the order of members is kept', ['b=1,a=2,10=3,9=4'], ['b=1', 'a=2', '10=3', '9=4'], 'b=1,a=2,10=3,9=4'],
  ['several lines are joined in order', ['a=1', 'b=2,c=3'], ['a=1', 'b=2', 'c=3'], 'a=1,b=2,c=3'],
  [
    'white space is dropped wherever it is allowed',
    ['k \t = \t v \t ; \t p \t = \t q \t , \t l = w'],
    ['k=v;p=q', 'l=w'],
    'k=v;p=q,l=w',
  ],
  ['empty members are skipped', [',k=v, ,'], ['k=v'], 'k=v'],
  ['an empty value is a value', ['k='], ['k='], 'k='],
  ['a value may hold equals signs', ['k=a=b=='], ['k=a=b=='], 'k=a%3Db%3D%3D'],
  [
    'a value may hold every octet of the grammar, and keeps all that every SDK reads as it is',
    [`k=${OCTETS}`],
    [`k=${OCTETS}`],
    `k=${SENT_OCTETS}`,
  ],
  [
    'a key may hold every character of a token',
    ["!#$%&'*+-.^_`|~09azAZ=v"],
    ["!#$%&'*+-.^_`|~09azAZ=v"],
    "!#$%&'*+-.^_`|~09azAZ=v",
  ],
  ['a percent sign in a key is not decoded', ['a%20b=v'], ['a%20b=v'], 'a%20b=v'],
  [
    'a value is percent-decoded as UTF-8',
    ['k=Am%C3%A9lie%20%e2%82%ac'],
    ['k=Amélie €'],
    'k=Am%C3%A9lie%20%E2%82%AC',
  ],
  ['an encoded percent sign is decoded once', ['k=%2525'], ['k=%25'], 'k=%2525'],
  [
    'an encoded line break never leaves raw',
    ['k=a%0d%0aX-Evil:%201'],
    ['k=a\r\nX-Evil: 1'],
    'k=a%0D%0AX-Evil:%201',
  ],
  ['encoded separators never leave raw', ['k=%2C%3B%22%5C%25'], ['k=,;"\\%'], 'k=%2C%3B%22%5C%25'],
  ['octets beside an encoded one stay plain', [`k=${OCTETS}%20`], [`k=${OCTETS} `], `k=${SENT_OCTETS}%20`],
  [
    'a header that encoding would make too long keeps its octets',
    [`k=${'+='.repeat(4_095)}`],
    [`k=${'+='.repeat(4_095)}`],
    `k=${'+='.repeat(4_095)}`,
  ],
  ['a NUL never leaves raw', ['k=%00%7F'], ['k=\u0000\u007f'], 'k=%00%7F'],
  ['what is encoded without need leaves plain', ['k=%41%2F%3A'], ['k=A/:'], 'k=A/:'],
  ['octets that are not UTF-8 become U+FFFD', ['k=a%ffb'], ['k=a\ufffdb'], 'k=a%EF%BF%BDb'],
  ['a cut UTF-8 sequence becomes one U+FFFD', ['k=%e2%82'], ['k=\ufffd'], 'k=%EF%BF%BD'],
  ['an overlong UTF-8 sequence becomes U+FFFD', ['k=%c0%af'], ['k=\ufffd\ufffd'], 'k=%EF%BF%BD%EF%BF%BD'],
  [
    'an encoded surrogate becomes U+FFFD',
    ['k=%ed%a0%80'],
    ['k=\ufffd\ufffd\ufffd'],
    'k=%EF%BF%BD%EF%BF%BD%EF%BF%BD',
  ],
  ['a percent sign without digits becomes U+FFFD', ['k=100%'], ['k=100\ufffd'], 'k=100%EF%BF%BD'],
  ['a percent sign with one digit becomes U+FFFD', ['k=%4'], ['k=\ufffd4'], 'k=%EF%BF%BD4'],
  ['a percent sign before other letters becomes U+FFFD', ['k=%zz%20'], ['k=\ufffdzz '], 'k=%EF%BF%BDzz%20'],
  [
    'a byte order mark is data',
    ['k=%EF%BB%BFa,l=%EF%BB%BF%ff'],
    ['k=\ufeffa', 'l=\ufeff\ufffd'],
    'k=%EF%BB%BFa,l=%EF%BB%BF%EF%BF%BD',
  ],
  [
    'a key named __proto__ is data',
    ['__proto__=a,constructor=b,toString=c'],
    ['__proto__=a', 'constructor=b', 'toString=c'],
    '__proto__=a,constructor=b,toString=c',
  ],
  ['keys keep their case', ['Key=1,key=2'], ['Key=1', 'key=2'], 'Key=1,key=2'],
  [
    'properties are kept as metadata',
    ['k=v;p1;p2=a%20b;p1=c'],
    ['k=v;p1;p2=a%20b;p1=c'],
    'k=v;p1;p2=a%20b;p1=c',
  ],
  ['white space between properties is dropped', ['k=v; p=q; r=s=t'], ['k=v;p=q;r=s=t'], 'k=v;p=q;r=s=t'],
  ['empty properties are skipped', ['k=v;;p; ,l=w;'], ['k=v;p', 'l=w'], 'k=v;p,l=w'],
  ['64 members are kept', [members(64)], members(64).split(','), members(64)],
  ['8,192 bytes are kept', [`k=${'v'.repeat(8190)}`], [`k=${'v'.repeat(8190)}`], `k=${'v'.repeat(8190)}`],
  [
    '8,192 bytes of octets that need no encoding are kept',
    [`k=${'/'.repeat(8190)}`],
    [`k=${'/'.repeat(8190)}`],
    `k=${'/'.repeat(8190)}`,
  ],
  [
    '8,192 bytes in two lines are kept',
    [`a=${'v'.repeat(4093)}`, `b=${'v'.repeat(4094)}`],
    [`a=${'v'.repeat(4093)}`, `b=${'v'.repeat(4094)}`],
    `a=${'v'.repeat(4093)},b=${'v'.repeat(4094)}`,
  ],
];

type Bad = readonly [
  rule: string,
  lines: string[],
  entries: string[],
  reason: BaggageDropReason,
  dropped: number,
];

/** The rule, the lines, the entries that are left, and how many members were dropped and why. */
export const BAD: readonly Bad[] = [
  ['a member without an equals sign is dropped', ['a=1,b,c=3'], ['a=1', 'c=3'], 'malformed', 1],
  ['a member without a key is dropped', ['=1,b=2'], ['b=2'], 'malformed', 1],
  ['a key with a blank is dropped', ['a b=1,c=3'], ['c=3'], 'malformed', 1],
  ['a key that is no token is dropped', ['a/b=1,(c)=2,d=3,é=4'], ['d=3'], 'malformed', 3],
  ['a property before the equals sign is dropped', ['a;p=1,b=2'], ['b=2'], 'malformed', 1],
  ['a value with a blank inside is dropped', ['a=1 2,b=2'], ['b=2'], 'malformed', 1],
  ['a value with a quote or a backslash is dropped', ['a="1",b=\\2,c=3'], ['c=3'], 'malformed', 2],
  ['a value with a raw line break is dropped', ['a=1\r\nX-Evil: 1,b=2'], ['b=2'], 'malformed', 1],
  ['a value with a raw control character is dropped', ['a=\u0000,b=\u007f,c=3'], ['c=3'], 'malformed', 2],
  ['a value that is not ASCII is dropped', ['a=é,b=2'], ['b=2'], 'malformed', 1],
  [
    'a member with a malformed property is dropped whole',
    ['a=1;p q,b=2;=x,c=3;p="q",d=4'],
    ['d=4'],
    'malformed',
    3,
  ],
  ['of two members with one key the last wins', ['a=1,b=2,a=3'], ['a=3', 'b=2'], 'duplicate-key', 1],
  [
    'a second member named __proto__ is a duplicate like any other',
    ['__proto__=1,__proto__=2'],
    ['__proto__=2'],
    'duplicate-key',
    1,
  ],
  ['the 65th member is dropped', [`${members(64)},z=1`], members(64).split(','), 'too-many-members', 1],
  [
    'members over 64 in several lines are dropped',
    [members(64), 'x=1', 'y=2'],
    members(64).split(','),
    'too-many-members',
    2,
  ],
  ['a member of 8,193 bytes is dropped whole', [`k=${'v'.repeat(8191)}`], [], 'too-long', 1],
  [
    'a member that does not fit is dropped, a smaller one after it is kept',
    [`a=1,b=${'v'.repeat(8190)},c=3`],
    ['a=1', 'c=3'],
    'too-long',
    1,
  ],
  [
    'bytes of several lines count together',
    [`a=${'v'.repeat(4094)}`, `b=${'v'.repeat(4094)}`],
    [`a=${'v'.repeat(4094)}`],
    'too-long',
    1,
  ],
  ['the reasons are counted together, the first is named', ['a,b=2,b=3'], ['b=3'], 'malformed', 2],
  [
    'of 100,000 bytes the first members that fit are kept',
    [Array.from({ length: 200 }, (_, i) => `k${i}=${'v'.repeat(495)}`).join(',')],
    Array.from({ length: 16 }, (_, i) => `k${i}=${'v'.repeat(495)}`),
    'too-long',
    184,
  ],
  [
    'a member that starts within 16,384 bytes is read',
    [`${'x,'.repeat(8_192)}a=1`],
    ['a=1'],
    'malformed',
    8_192,
  ],
  [
    'a member that starts after 16,384 bytes is counted only',
    [`${'x,'.repeat(8_193)}a=1`],
    [],
    'malformed',
    8_194,
  ],
  [
    '100,000 malformed bytes are counted and not read to their end',
    ['x,'.repeat(50_000)],
    [],
    'malformed',
    50_000,
  ],
];

const good = GOOD.map(
  ([rule, lines, entries, sent]): Case => ({
    name: `baggage: ${rule}`,
    run() {
      const { context, dropped } = readBaggage(...lines);
      assert.deepEqual(entriesOf(context), entries);
      assert.deepEqual(inject(context), { baggage: sent });
      assert.deepEqual(dropped, { tracestateMembers: 0, baggageMembers: 0 });
    },
  }),
);

const bad = BAD.map(
  ([rule, lines, entries, reason, count]): Case => ({
    name: `baggage: ${rule}`,
    run() {
      const { context, dropped } = readBaggage(...lines);
      assert.deepEqual(entriesOf(context), entries);
      assert.deepEqual(dropped, { tracestateMembers: 0, baggage: reason, baggageMembers: count });
    },
  }),
);

const reading: Case[] = [
  {
    name: 'baggage: is read whatever becomes of traceparent',
    run() {
      for (const traceparent of [undefined, 'broken', TRACEPARENT]) {
        const { context } = read({ baggage: 'k=v', ...(traceparent !== undefined && { traceparent }) });
        assert.deepEqual(entriesOf(context), ['k=v']);
      }
    },
  },
  {
    name: 'baggage: replaces that of the base context where a member is good',
    run() {
      const base = withBaggage([['old', { value: '1' }]]);
      assert.deepEqual(entriesOf(read({ baggage: 'new=2' }, base).context), ['new=2']);
      for (const baggage of [[], [''], ['bad']]) {
        assert.deepEqual(entriesOf(read({ baggage }, base).context), ['old=1']);
      }
    },
  },
  {
    name: 'baggage: what is read is immutable and does as the API says',
    run() {
      const baggage = propagation.getBaggage(readBaggage('a=1,b=2,c=3').context);
      const keys = (of: typeof baggage) => of?.getAllEntries().map(([key]) => key);
      assert.deepEqual(keys(baggage?.setEntry('d', { value: '4' })), ['a', 'b', 'c', 'd']);
      assert.deepEqual(keys(baggage?.removeEntry('a')), ['b', 'c']);
      assert.deepEqual(keys(baggage?.removeEntries('a', 'b')), ['c']);
      assert.deepEqual(keys(baggage?.clear()), []);
      assert.deepEqual(baggage?.getEntry('a'), { value: '1' });
      assert.equal(baggage?.getEntry('missing'), undefined);
      assert.deepEqual(keys(baggage), ['a', 'b', 'c']);
    },
  },
  {
    name: 'baggage: no key reaches the prototype of objects',
    run() {
      readBaggage('__proto__=polluted,constructor=polluted');
      assert.equal(Object.hasOwn(Object.prototype, 'value'), false);
      assert.equal(Object.getPrototypeOf({}), Object.prototype);
    },
  },
];

const meta = (text: string) => baggageEntryMetadataFromString(text);
const throwing = {
  toString() {
    throw new Error('broken metadata');
  },
} as unknown as BaggageEntryMetadata;

/** The rule, the entries, and what is sent. */
const WRITTEN: readonly (readonly [
  rule: string,
  entries: Parameters<typeof withBaggage>[0],
  sent: string | undefined,
])[] = [
  ['an empty list is not sent', [], undefined],
  [
    'a key that is no token is not sent',
    [
      ['a b', { value: '1' }],
      ['ok', { value: '2' }],
    ],
    'ok=2',
  ],
  [
    'a key with a separator or a line break is not sent',
    [
      ['a=b', { value: '1' }],
      ['a,b', { value: '1' }],
      ['a\r\n', { value: '1' }],
      ['', { value: '1' }],
    ],
    undefined,
  ],
  ['a value that is no string is not sent', [['a', { value: 5 as unknown as string }]], undefined],
  ['half a surrogate pair is sent as U+FFFD', [['a', { value: 'x\ud800y' }]], 'a=x%EF%BF%BDy'],
  ['a character beyond the basic plane is sent as four octets', [['a', { value: '😀' }]], 'a=%F0%9F%98%80'],
  ['metadata is sent as properties', [['a', { value: '1', metadata: meta(' p = q ; r') }]], 'a=1;p=q;r'],
  [
    'metadata with a line break is left out, its entry is sent',
    [['a', { value: '1', metadata: meta('p\r\nX-Evil: 1') }]],
    'a=1',
  ],
  ['metadata with a comma is left out', [['a', { value: '1', metadata: meta('p=1,b=2') }]], 'a=1'],
  ['metadata that is not ASCII is left out', [['a', { value: '1', metadata: meta('p=é') }]], 'a=1'],
  ['metadata without a key is left out', [['a', { value: '1', metadata: meta('=q') }]], 'a=1'],
  ['metadata that throws is left out', [['a', { value: '1', metadata: throwing }]], 'a=1'],
  [
    'of 65 entries 64 are sent',
    Array.from({ length: 65 }, (_, i) => [`k${i + 1}`, { value: 'v' }] as const),
    members(64),
  ],
  [
    'an entry that does not fit is left out whole, a smaller one after it is sent',
    [
      ['a', { value: '1' }],
      ['b', { value: 'é'.repeat(2_000) }],
      ['c', { value: '3' }],
    ],
    'a=1,c=3',
  ],
];

const writing = WRITTEN.map(
  ([rule, entries, sent]): Case => ({
    name: `baggage: ${rule}`,
    run() {
      assert.deepEqual(inject(withBaggage(entries)), sent === undefined ? {} : { baggage: sent });
    },
  }),
);

const broken: Case = {
  name: 'baggage: a list of another make that throws is not sent, and costs no traceparent',
  run() {
    const { context } = read({ traceparent: TRACEPARENT });
    const baggage = propagation.createBaggage();
    baggage.getAllEntries = () => {
      throw new Error('broken baggage');
    };
    assert.deepEqual(inject(propagation.setBaggage(context, baggage)), { traceparent: TRACEPARENT });
    assert.deepEqual(inject(propagation.setBaggage(ROOT_CONTEXT, baggage)), {});
  },
};

export const baggageCases: Case[] = [...good, ...bad, ...reading, ...writing, broken];
