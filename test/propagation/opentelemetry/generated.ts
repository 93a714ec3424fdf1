/** Headers that are valid, nearly valid, or broken. */
import fc from 'fast-check';

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });

const fields = fc.record({
  version: fc.oneof(
    { weight: 3, arbitrary: fc.constant('00') },
    hex(2),
    fc.constantFrom('ff', '01', 'FF', '0'),
  ),
  traceId: fc.oneof(
    { weight: 4, arbitrary: hex(32) },
    fc.constantFrom('0'.repeat(32), 'A'.repeat(32), 'abc'),
  ),
  spanId: fc.oneof({ weight: 4, arbitrary: hex(16) }, fc.constantFrom('0'.repeat(16), 'g'.repeat(16), '')),
  flags: fc.oneof({ weight: 3, arbitrary: fc.constantFrom('00', '01', '02', '03') }, hex(2), hex(1), hex(3)),
  rest: fc.oneof(
    { weight: 4, arbitrary: fc.constant('') },
    fc.constantFrom('-', '-x', '-01-x', '.', ',', `-${'y'.repeat(500)}`, '-a\nb', '-a,b'),
    fc.string({ maxLength: 5 }),
  ),
  before: fc.oneof({ weight: 6, arbitrary: fc.constant('') }, fc.constantFrom(' ', '\t ', '\n', '\u00a0')),
  after: fc.oneof({ weight: 6, arbitrary: fc.constant('') }, fc.constantFrom(' ', ' \t', '\r\n', '\u00a0')),
});

/** Replaces one part of a text by something else, in some of the texts. */
const broken = (texts: fc.Arbitrary<string>, pieces: readonly string[]) =>
  fc.oneof(
    { weight: 3, arbitrary: texts },
    fc
      .tuple(texts, fc.nat(80), fc.nat(2), fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 2 })))
      .map(([text, at, length, piece]) => text.slice(0, at) + piece + text.slice(at + length)),
  );

/** Values of `traceparent`. */
export const traceparents = broken(
  fields.map((f) => `${f.before}${f.version}-${f.traceId}-${f.spanId}-${f.flags}${f.rest}${f.after}`),
  ['-', '', 'f', 'F', ',', ' ', '\u0000'],
);

const blanks = fc.oneof(
  { weight: 5, arbitrary: fc.constant('') },
  fc.constantFrom(' ', '\t', ' \t ', '\u00a0'),
);

const list = (members: fc.Arbitrary<string>, maxLength: number) =>
  fc
    .array(
      fc.tuple(blanks, members, blanks).map((parts) => parts.join('')),
      { maxLength },
    )
    .map((all) => all.join(','));

const stateKey = fc.oneof(
  { weight: 4, arbitrary: fc.stringMatching(/^[a-z][a-z0-9_*/-]{0,9}$/) },
  fc.stringMatching(/^[a-z0-9][a-z0-9]{0,5}@[a-z][a-z0-9]{0,14}$/),
  fc.stringMatching(/^[a-z0-9@][a-z0-9_*/@-]{0,9}$/),
  fc.constantFrom('', 'A', 'a', 'b', 'k'.repeat(256), 'k'.repeat(257)),
);
const stateValue = fc.oneof(
  { weight: 4, arbitrary: fc.stringMatching(/^[ -+\--<>-~]{0,20}[!-+\--<>-~]$/) },
  fc.constantFrom('', '=', 'a=b', 'é', ' ', 'v'.repeat(130), 'v'.repeat(256), 'v'.repeat(257)),
);
const stateMember = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(stateKey, stateValue).map(([key, value]) => `${key}=${value}`) },
  fc.constantFrom('', ' ', 'a', '='),
);
const PIECES = ['', '=', ',', ';', ' ', '%', '%4', '%ff', '\u00a0', '\n', '"', '\\', 'é', '@'];

/** Valid members, around the greatest number of them. */
const crowd = (least: number, most: number) =>
  fc
    .integer({ min: least, max: most })
    .map((count) => Array.from({ length: count }, (_, i) => `k${i}=v`).join(','));

/** Values of `tracestate`. */
export const tracestates = broken(
  fc.oneof({ weight: 5, arbitrary: list(stateMember, 6) }, list(stateMember, 40), crowd(30, 34)),
  PIECES,
);

const token = fc.stringMatching(/^[\w!#$&'*+.^`|~-]{1,8}$/);
const octets = fc.stringMatching(/^[!#$&-+\--:<-[\]-~]{0,12}$/);
const baggageKey = fc.oneof(
  { weight: 5, arbitrary: token },
  fc.constantFrom('', 'a', 'b', '7', 'a%41', '%zz', 'a b', 'é', '__proto__', 'constructor'),
);
const baggageValue = fc.oneof(
  { weight: 3, arbitrary: octets },
  fc.string({ unit: 'grapheme', maxLength: 8 }).map((text) => encodeURIComponent(text.toWellFormed())),
  fc.constantFrom('', 'a b', 'a=b', '%ff', '%', '%e2%82', '"q"', 'é', 'x'.repeat(4_090), 'x'.repeat(4_100)),
);
const property = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(token, octets).map(([key, value]) => `${key}=${value}`) },
  token,
  fc.constantFrom('', ' ', ' p = q ', 'p q', '=', 'é', 'p="q"'),
);
const baggageMember = fc
  .tuple(
    blanks,
    baggageKey,
    blanks,
    fc.oneof({ weight: 8, arbitrary: fc.constant('=') }, fc.constant('')),
    blanks,
    baggageValue,
    blanks,
    fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(property, { maxLength: 3 })),
  )
  .map(([a, key, b, equals, c, value, d, properties]) =>
    [[a, key, b, equals, c, value, d].join(''), ...properties].join(';'),
  );

/** Values of `baggage`. */
export const baggages = broken(
  fc.oneof({ weight: 5, arbitrary: list(baggageMember, 5) }, list(baggageMember, 70), crowd(62, 66)),
  PIECES,
);
