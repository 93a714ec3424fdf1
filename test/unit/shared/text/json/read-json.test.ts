import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJson } from '../../../../../shared/text/json/read-json.ts';

/** What is wrong with a text, if JSON.parse takes it. */
function faultsOf(json: string) {
  const read = readJson(json, 1_000);
  return 'value' in read ? [] : read.violations;
}
const pathsOf = (json: string): string[] => faultsOf(json).map(({ path }) => path);
const isTaken = (number: string): boolean => pathsOf(number).length === 0;

it('a text is judged the same whether or not it is as JSON.stringify writes it', () => {
  const number = fc.oneof(
    fc.constantFrom('-0', '1e400', '9007199254740992', '9007199254740993', '12345678901234567000', '1e20'),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.bigInt().map(String),
  );
  const name = fc.constantFrom('a', 'b', '1', '0', '__proto__', 'toJSON', '\\u0061', '\\ud800', '\u2028');
  const { text } = fc.letrec<{ text: string }>((tie) => ({
    text: fc.oneof(
      { depthSize: 'small' },
      number,
      name.map((word) => `"${word}"`),
      fc.array(tie('text'), { maxLength: 3 }).map((items) => `[${items.join(',')}]`),
      fc
        .array(fc.tuple(name, tie('text')), { maxLength: 3 })
        .map((fields) => `{${fields.map(([field, value]) => `"${field}":${value}`).join(',')}}`),
    ),
  }));
  fc.assert(
    fc.property(text, (json) => {
      expect(readJson(json, 64)).toEqual(readJson(` ${json}`, 64));
    }),
    { numRuns: 2_000 },
  );
});

describe('a number in JSON is taken', () => {
  it.each([
    '0',
    '-0',
    '0.1',
    '1.10',
    '1.0000000000000000000000',
    '100000000000000000000',
    '9007199254740991',
    '-9007199254740992',
    '9007199254740994',
    '1e22',
    '1e23',
    '1E+300',
    '1.7976931348623157e308',
    '5e-324',
    '0e999999',
    '0.000000000000000000000000001',
    '0.10000000000000001',
    '0.1000000000000000055511151231257827021181583404541015625',
    '0.30000000000000004',
    '9.9999999999999992e+22',
    '1700000000.123',
    '12345678901234567000',
  ])('where a double holds it: %s', (number) => {
    expect(isTaken(number)).toBe(true);
  });

  it('however a program writes a double', () => {
    const double = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(double, fc.integer({ min: 17, max: 100 }), (value, digits) => {
        expect(isTaken(JSON.stringify(value))).toBe(true);
        expect(isTaken(value.toExponential())).toBe(true);
        // Without an exponent a whole number may be an id.
        const written = value.toPrecision(digits);
        if (/[.e]/.test(written)) expect(isTaken(written)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('where it has at most 15 digits', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.integer({ min: -250, max: 250 }), (digits, exponent) => {
        expect(isTaken(`${Math.trunc(digits / 10)}e${exponent}`)).toBe(true);
      }),
    );
  });
});

describe('a number in JSON is refused', () => {
  it.each([
    '9007199254740993',
    '-9007199254740993',
    '9007199254740993.0',
    '9007199254740993.5',
    '9007199254740993e0',
    '1970670598291982290',
    '9223372036854775807',
    '9223372036854775808',
    '18446744073709551615',
    '12345678901234567890123',
    '1e400',
    '-1e400',
    '1E400',
    '1.8e308',
    '1e99999999999999999999',
    '9'.repeat(400),
    '1e-400',
    '-1e-999999999999',
    '3.141592653589793238462643383279',
    '1700000000.123456789',
    `0.${'3'.repeat(200)}`,
  ])('where a double changes it: %s', (number) => {
    expect(pathsOf(number)).toEqual(['']);
  });

  it('where another whole number reads as the same', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 2n ** 53n, max: 2n ** 70n }), (whole) => {
        expect(isTaken(String(whole))).toBe(JSON.stringify(Number(whole)) === String(whole));
      }),
    );
  });

  it('with the path to it', () => {
    const json = '{"a b":[0,{"x/y~z":[[9007199254740993]]}],"\\u0061":{},"t":"9007199254740993","b":1e400}';
    expect(faultsOf(json)).toMatchObject([
      { path: '/a b/1/x~1y~0z/0/0', message: expect.stringMatching(/^9007199254740993 is too exact/) },
      { path: '/b', message: expect.stringMatching(/^1e400 is too exact/) },
    ]);
  });

  it('with the path to it, in any value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), fc.constantFrom(0, 2), (value, indent) => {
        // A number that no generated value holds marks the places.
        const marked = JSON.parse(JSON.stringify([value, { k: value }]), (_, part) =>
          typeof part === 'number' ? '@' : part,
        );
        const json = JSON.stringify(marked, null, indent).replaceAll('"@"', '1e400');
        const expected: string[] = [];
        const walk = (part: unknown, path: string): void => {
          if (part === '@') expected.push(path);
          if (typeof part !== 'object' || part === null) return;
          for (const [key, inner] of Object.entries(part))
            walk(inner, `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`);
        };
        walk(
          JSON.parse(json, (_, part) => (part === Number.POSITIVE_INFINITY ? '@' : part)),
          '',
        );
        // A refusal names ten places at most.
        expect(pathsOf(json).length).toBe(Math.min(expected.length, 10));
        expect(expected).toEqual(expect.arrayContaining(pathsOf(json)));
      }),
    );
  });
});

describe('a name in an object is refused', () => {
  it.each([
    ['{"a":1,"a":1}', ['/a']],
    ['{"a":1,"b":2,"\\u0061":3}', ['/a']],
    ['{"a":{"b":1},"c":[{"x/y":1,"x/y":2}]}', ['/c/0/x~1y']],
    ['{"":1,"":2}', ['/']],
    ['{"__proto__":1,"__proto__":2}', ['/__proto__']],
    ['{"a":1,"a":2,"a":3}', ['/a', '/a']],
    ['{"a":"}","b":"{\\"a\\":","a":2}', ['/a']],
  ])('where it is there twice: %s', (json, paths) => {
    expect(pathsOf(json)).toEqual(paths);
    expect(faultsOf(json)[0]?.message).toBe('this name is there twice');
  });

  it.each([
    '{"a":1,"A":1}',
    '{"a":{"a":{"a":1}},"b":{"a":1}}',
    '[{"a":1},{"a":2}]',
    '{"a":"a","b":"a","c":["a","a"]}',
    '{"a":[],"b":{},"c":{"a":[{"a":1}]},"d":1}',
  ])('and nowhere else: %s', (json) => {
    expect(pathsOf(json)).toEqual([]);
  });

  it('and never in what JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
        expect(readJson(JSON.stringify(value), 1_000)).toHaveProperty('value');
      }),
    );
  });
});

/** Quadratic time would be minutes here. */
it.each<[string, string, string[]]>([
  ['digits in a text', `["${'1'.repeat(1_000_000)}"]`, []],
  ['escapes in a text', `["${'\\"'.repeat(500_000)}"]`, []],
  ['numbers', `[${'9007199254740991,'.repeat(200_000)}0]`, []],
  ['texts', `[${'"x",'.repeat(200_000)}0]`, []],
  ['names', JSON.stringify(Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`n${i}`, i]))), []],
  ['digits in a number', `[1${'0'.repeat(1_000_000)}1${'0'.repeat(1_000_000)}]`, ['/0']],
])('reads a text of a million characters: %s', (_what, json, paths) => {
  expect(pathsOf(json)).toEqual(paths);
});
