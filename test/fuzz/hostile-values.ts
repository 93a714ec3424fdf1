import fc from 'fast-check';

const NAMES = [
  '__proto__',
  'constructor',
  'toString',
  'input',
  'operation',
  'jobs',
  'a/b~c',
  '',
  '\u0000',
  '🧵',
];

/** Texts that are known to break parsers. */
export const HOSTILE_TEXT: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '*',
    '>',
    'a.>',
    '..',
    '\r\nPUB x 1',
    '\u0000',
    '\u2028',
    '\ud800',
    '__proto__',
    'null',
    '-1',
    '1e999',
    '9'.repeat(30),
    'x'.repeat(5_000),
    '{{7*7}}',
    '%00',
    '%zz',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
);

const HOSTILE_VALUE: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: fc.jsonValue() },
  { weight: 3, arbitrary: HOSTILE_TEXT },
  {
    weight: 2,
    arbitrary: fc.constantFrom<unknown>(
      null,
      true,
      -0,
      1e308,
      -1,
      0.5,
      2 ** 53,
      [],
      {},
      [[]],
      'x'.repeat(20_000),
    ),
  },
);

/** One of `values` with one part made wrong, or a hostile value. */
export function broken(values: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 1, arbitrary: HOSTILE_VALUE },
    {
      weight: 4,
      arbitrary: fc
        .tuple(values, fc.nat(), fc.nat({ max: 3 }), fc.constantFrom(...NAMES), HOSTILE_VALUE)
        .map(([value, place, depth, name, other]) => breakAt(value, place, depth, name, other)),
    },
  );
}

function breakAt(value: unknown, place: number, depth: number, name: string, other: unknown): unknown {
  if (typeof value !== 'object' || value === null) return other;
  const keys = Object.keys(value);
  const key = keys[place % Math.max(1, keys.length)];
  if (key === undefined) return { [name]: other };
  const parts = value as Record<string, unknown>;
  if (depth > 0)
    return Array.isArray(value)
      ? value
      : { ...parts, [key]: breakAt(parts[key], place, depth - 1, name, other) };
  if (place % 3 === 0) return Object.fromEntries(Object.entries(value).filter(([kept]) => kept !== key));
  // `fromEntries` defines: `__proto__` becomes a key, as it does in JSON.parse.
  return Object.fromEntries([...Object.entries(value), [place % 3 === 1 ? key : name, other]]);
}

/** The bytes of a JSON text with one wrong part. */
export function brokenText(texts: fc.Arbitrary<string>): fc.Arbitrary<Buffer> {
  return fc.tuple(texts, fc.nat(), fc.nat({ max: 8 })).map(([text, place, kind]) => {
    const at = place % (text.length + 1);
    const inserted = (what: string): Buffer => Buffer.from(text.slice(0, at) + what + text.slice(at));
    switch (kind) {
      case 0:
        return Buffer.from(text.slice(0, at));
      case 1:
        return inserted('\u0000');
      case 2:
        return Buffer.concat([Buffer.from(text), Buffer.from([0xff, 0xfe, 0x80])]);
      case 3:
        return Buffer.from(`\ufeff${text}`);
      case 4:
        return Buffer.from(text.replace('{', '{"operation":"echo","input":1,"__proto__":{"x":1},'));
      case 5:
        return Buffer.from('['.repeat(place % 70_000));
      case 6:
        return Buffer.from(`${'{"a":'.repeat(place % 200)}1${'}'.repeat(place % 200)}`);
      case 7:
        return inserted(place % 50 === 0 ? 'x'.repeat(300_000) : ',,');
      default:
        return Buffer.from(text.replaceAll(/[0-9]+/g, '1e400'));
    }
  });
}
