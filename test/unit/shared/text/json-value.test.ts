import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonOf } from '../../../../shared/text/json-value.ts';

const circle: Record<string, unknown> = {};
circle.self = { again: circle };
let deep: unknown = 1;
for (let level = 0; level < 50_000; level++) deep = [deep];

describe('the JSON of a value', () => {
  it('is what JSON.stringify makes of it, for every value that JSON can say', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        expect(jsonOf(value)).toEqual({ json: JSON.stringify(value) });
      }),
    );
  });

  it.each([
    ['a date', { at: new Date(0) }, '{"at":"1970-01-01T00:00:00.000Z"}'],
    ['a field that is not set', { a: 1, b: undefined }, '{"a":1}'],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
    [
      'an object of a class',
      new (class Point {
        x = 1;
      })(),
      '{"x":1}',
    ],
    ['an empty object of a class', new (class Empty {})(), '{}'],
    ['a boxed number', Object(1), '1'],
    ['an object of another realm', runInNewContext('({ a: [1] })'), '{"a":[1]}'],
  ])('takes %s', (_, value, json) => {
    expect(jsonOf(value)).toEqual({ json });
  });

  it.each<[unknown, string, string]>([
    [{ a: [1, Number.NaN] }, '/a/1', 'NaN'],
    [{ a: Number.POSITIVE_INFINITY }, '/a', 'Infinity'],
    [{ 'a/b': 1n }, '/a~1b', 'a BigInt'],
    [[undefined], '/0', 'undefined'],
    [{ f: () => 1 }, '/f', 'a function'],
    [{ s: Symbol('s') }, '/s', 'a symbol'],
    [{ a: { b: new Map([[1, 2]]) } }, '/a/b', 'a Map'],
    [new Set(), '', 'a Set'],
    [{ e: new Error('no') }, '/e', 'an Error'],
    [{ e: Object.assign(new TypeError('no'), { code: 'E1' }) }, '/e', 'an Error'],
    [{ e: runInNewContext('new Error("no")') }, '/e', 'an Error'],
    [{ r: new Response('x') }, '/r', 'a Response'],
    [{ p: Promise.resolve() }, '/p', 'a Promise'],
    [{ r: /x/ }, '/r', 'a RegExp'],
    [{ b: new Uint8Array(2) }, '/b', 'a Uint8Array'],
    [{ b: new ArrayBuffer(2) }, '/b', 'an ArrayBuffer'],
    [circle, '/self/again', 'an object that holds itself'],
    [undefined, '', 'undefined'],
    [
      {
        get x() {
          throw new Error('no');
        },
      },
      '',
      'an object that cannot be read',
    ],
  ])('names the place of what JSON cannot say: %#', (value, path, found) => {
    expect(jsonOf(value)).toEqual({ path, found });
  });

  it('does not break on a value with too many levels', () => {
    expect(jsonOf(deep)).toMatchObject({ found: 'too many levels' });
  });
});
