import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inexactNumbers } from '../../../../shared/text/json-numbers.ts';
import { cpuMs } from '../../support.ts';

const pathsOf = (json: string): string[] => [...inexactNumbers(json)].map(({ path }) => path);
const isTaken = (number: string): boolean => pathsOf(number).length === 0;

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
    expect([...inexactNumbers(json)]).toEqual([
      { path: '/a b/1/x~1y~0z/0/0', source: '9007199254740993' },
      { path: '/b', source: '1e400' },
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
        expect(pathsOf(json).sort()).toEqual(expected.sort());
      }),
    );
  });
});

it('looks for numbers in linear time', () => {
  for (const part of ['0', '1', '\\"', '[', '9007199254740991,', '0.1,', '"x",']) {
    const inner = part === '[' ? '[]' : part;
    const start = cpuMs();
    const text = `["${'1'.repeat(16)}${part.startsWith('"') ? '' : part.repeat(1_000_000).replaceAll(/[[,]/g, '')}",${inner.endsWith(',') ? inner.repeat(200_000) : ''}0]`;
    expect(pathsOf(text)).toEqual([]);
    expect(cpuMs() - start).toBeLessThan(2_000);
  }
  const start = cpuMs();
  expect(pathsOf(`[${'0'.repeat(1_000_000).replace(/^0/, '1')}1${'0'.repeat(1_000_000)}]`)).toEqual(['/0']);
  expect(cpuMs() - start).toBeLessThan(2_000);
});
