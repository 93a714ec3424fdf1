import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ThroughlineClient } from '../../../client/index.ts';
import { writeRequestBody } from '../../../client/request-body.ts';
import { refusalOf } from '../support.ts';

const CIRCLE: Record<string, unknown> = {};
CIRCLE.self = { again: CIRCLE };
let DEEP: unknown = 1;
for (let level = 0; level < 50_000; level++) DEEP = [DEEP];

describe('the body of a request', () => {
  it('is the JSON of a value', () => {
    const date = new Date(0);
    const body = { a: [1, { b: null }], date, 'x/y': 1e300 };
    expect(writeRequestBody(body)).toBe(JSON.stringify(body));
    expect(writeRequestBody('x')).toBe('"x"');
  });

  it('names the path of each number that JSON does not have', async () => {
    const shared = { 'x/y': Number.NaN };
    const input = [1, shared, { deep: [shared, Number.NEGATIVE_INFINITY] }, 2n ** 64n];
    const error = await refusalOf(() => writeRequestBody({ operation: 'echo', input }));
    expect(error.code).toBe('request-invalid');
    expect(error.violations.map(({ path }) => path)).toEqual([
      '/input/1/x~1y',
      '/input/2/deep/0/x~1y',
      '/input/2/deep/1',
      '/input/3',
    ]);
    expect(error.message).toContain('/input/3: JSON cannot hold a bigint; send it as text');
  });

  it('names the path of a Date that is none, which JSON.stringify would make null', async () => {
    const error = await refusalOf(() => writeRequestBody({ input: [new Date(0), new Date(Number.NaN)] }));
    expect(error.violations).toEqual([{ path: '/input/1', message: 'JSON cannot hold an invalid Date' }]);
  });

  it('is what JSON.stringify makes of it, for every value that JSON can say', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(writeRequestBody(value)).toBe(JSON.stringify(value));
      }),
    );
  });

  it.each([
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
    expect(writeRequestBody(value)).toBe(json);
  });

  it.each<[unknown, string, string]>([
    [[undefined], '/0', 'undefined in a list'],
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
    [CIRCLE, '/self/again', 'an object that holds itself'],
  ])('names the place of what JSON cannot hold: %#', async (value, path, found) => {
    const { violations } = await refusalOf(() => writeRequestBody(value));
    expect(violations).toEqual([{ path, message: `JSON cannot hold ${found}` }]);
  });

  it.each<[string, unknown, string]>([
    ['has too many levels', DEEP, 'so many levels'],
    [
      'throws when it is read',
      {
        get x() {
          throw new Error('no');
        },
      },
      'an object that cannot be read',
    ],
  ])('is refused when it %s', async (_, value, message) => {
    const error = await refusalOf(() => writeRequestBody(value));
    expect(error.code).toBe('request-invalid');
    expect(error.message).toContain(message);
  });

  const thrower = () => {
    throw new Error('no');
  };
  it.each<[string, unknown, string]>([
    ['a toJSON', { a: 1, b: [2, { toJSON: thrower }], c: 3 }, '/b/1'],
    ['a getter', { a: 1, b: Object.defineProperty({}, 'x', { get: thrower, enumerable: true }) }, '/b/x'],
    ['a proxy', { a: 1n, b: { c: new Proxy({}, { ownKeys: thrower }) } }, '/b/c'],
  ])('names the place of %s that throws', async (_, value, path) => {
    const { violations } = await refusalOf(() => writeRequestBody(value));
    expect(violations).toContainEqual({ path, message: 'an object that cannot be read' });
  });

  it('names a short part of a path with too many levels', async () => {
    const { message } = await refusalOf(() => writeRequestBody(DEEP));
    expect(message.length).toBeLessThan(200);
  });

  it('names ten places at most', async () => {
    const error = await refusalOf(() => writeRequestBody(Array(1_000).fill(Number.NaN)));
    expect(error.violations).toHaveLength(10);
  });

  it('is refused before anything is sent', async () => {
    const sent: string[] = [];
    const fetch = async (url: string | URL | Request): Promise<Response> => {
      sent.push(String(url));
      return new Response();
    };
    const client = new ThroughlineClient({
      url: 'https://edge.example',
      fetch: fetch as typeof globalThis.fetch,
    });
    const error = await refusalOf(() => client.submit({ operation: 'echo', input: { n: Number.NaN } }));
    expect(error.violations).toMatchObject([{ path: '/input/n' }]);
    expect(sent).toEqual([]);
  });
});
