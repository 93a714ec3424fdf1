import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resultTooLarge, toJsonValue } from '../../../../worker-node/operations/json-value.ts';
import { done, reject, retry, retryAfter } from '../../../../worker-node/operations/outcome.ts';
import { reportOf } from '../../../../worker-node/operations/thrown.ts';
import { HOSTILE } from '../../../support/authors-mistakes.ts';
import { refusalOf } from '../../support.ts';

class Point {
  readonly x = 1;
  readonly y: number | undefined = undefined;
}

/** An object whose JSON is what `toJSON` returns. */
const writes = (json: unknown) => ({ toJSON: () => json });

/** What `JSON.rawJSON` makes of a text. TypeScript does not know it. */
const raw = (text: string): unknown => (JSON as unknown as { rawJSON(text: string): object }).rawJSON(text);

const nested = (depth: number): unknown => (depth === 0 ? 0 : [nested(depth - 1)]);

describe('the error of a result that cannot be JSON', () => {
  it('has no stack, which would only lead through Throughline', async () => {
    const fault = await refusalOf(() => toJsonValue({ a: new Map([[1, 2]]) }));
    expect(reportOf(fault).text).toBe('ThroughlineError: the result cannot be JSON: /a is a Map');
    const large = resultTooLarge(600_000, 500_000);
    expect(reportOf(large).text).toBe(`ThroughlineError: ${large.message}`);
  });

  it('has the stack of its cause if code of the author threw', async () => {
    const result = {
      get a() {
        throw new Error('not now');
      },
    };
    const fault = await refusalOf(() => toJsonValue(result));
    const [first, second, third] = reportOf(fault).text.split('\n');
    expect(first).toMatch(/^ThroughlineError: the result cannot be JSON/);
    expect(second).toBe('caused by: Error: not now');
    expect(third).toContain('json-value.test.ts');
  });
});

describe('the JSON value of a result', () => {
  it('is the result itself if that is JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        expect(JSON.stringify(toJsonValue(value))).toBe(JSON.stringify(value));
      }),
    );
  });

  it.each<[string, unknown, unknown]>([
    ['nothing', undefined, undefined],
    ['a property that is undefined, which is left out', { a: undefined, b: 1 }, { b: 1 }],
    ['a Date', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['a URL', new URL('http://a/'), 'http://a/'],
    ['a Buffer', Buffer.from('a'), { type: 'Buffer', data: [97] }],
    ['an instance of a class', new Point(), { x: 1 }],
    ['an object of another realm', runInNewContext('({ a: [1] })'), { a: [1] }],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ['what its toJSON returns', writes({ a: writes([1]) }), { a: [1] }],
    ['boxed values', [Object(1), Object('a'), Object(true)], [1, 'a', true]],
    ['one value at two places', twice({ a: 1 }), [{ a: 1 }, { a: 1 }]],
    ['an own key __proto__', JSON.parse('{"__proto__":1}'), JSON.parse('{"__proto__":1}')],
    ['a proxy of an object', new Proxy({ a: 1 }, {}), { a: 1 }],
    ['raw JSON', [raw('1.5'), raw('"a"'), raw('null'), writes(raw('12'))], [1.5, 'a', null, 12]],
    [
      'what only begins like an outcome',
      { kind: 'reject', code: 'no-money', message: 'no' },
      {
        kind: 'reject',
        code: 'no-money',
        message: 'no',
      },
    ],
    ['nothing of symbols as keys', { [Symbol('a')]: 1, b: 1 }, { b: 1 }],
  ])('holds %s', (_what, given, json) => {
    expect(toJsonValue(given)).toEqual(json);
  });

  it('names what is wrong even where the path to it is long', async () => {
    for (const value of [nested(300), { ['k'.repeat(5_000)]: 1n }]) {
      const { message } = await refusalOf(() => toJsonValue(value));
      expect(message).toMatch(
        /^the result cannot be JSON: \/.*…\S* is (nested deeper than 256 levels|a BigInt)$/,
      );
      expect(message.length).toBeLessThan(500);
    }
  });

  it('is a copy: a later change of the result does not change it', () => {
    const list = [1];
    const json = toJsonValue({ list });
    list.push(2);
    expect(json).toEqual({ list: [1] });
  });

  it.each<[string, unknown, string]>([
    ['a Map', new Map([[1, 1]]), 'a Map'],
    ['a Set', new Set(), 'a Set'],
    ['a Response', new Response('a'), 'a Response'],
    ['Headers', new Headers(), 'a Headers'],
    ['URLSearchParams', new URLSearchParams('a=1'), 'a URLSearchParams'],
    ['a Blob', new Blob([]), 'a Blob'],
    ['an Error', new Error('a'), 'an Error'],
    ['an Error of another realm', runInNewContext('new RangeError("a")'), 'a RangeError'],
    ['a Promise that nobody awaited', Promise.resolve(1), 'a Promise'],
    ['a RegExp', /a/, 'a RegExp'],
    ['a typed array', new Uint8Array(1), 'a Uint8Array'],
    ['an ArrayBuffer', new ArrayBuffer(1), 'an ArrayBuffer'],
    ['a generator', (function* () {})(), 'a Generator'],
    ['an iterator', [1].values(), 'an Iterator'],
    ['what is inherited', Object.create({ a: 1 }), 'an object without properties of its own'],
    ['a stream', new ReadableStream(), 'a ReadableStream'],
    ['a Date that is none', new Date(Number.NaN), 'an invalid Date'],
    ['a BigInt', 1n, 'a BigInt'],
    ['a boxed BigInt', Object(1n), 'a BigInt'],
    ['a function', () => 1, 'a function'],
    ['a symbol', Symbol('a'), 'a symbol'],
    ['NaN', Number.NaN, 'NaN'],
    ['Infinity', Number.POSITIVE_INFINITY, 'Infinity'],
    ['a value that throws when it is read', HOSTILE, 'a value that throws'],
    ['a toJSON that throws', { toJSON: () => Reflect.ownKeys(1 as never) }, 'a value that throws'],
    ['what JSON cannot hold out of toJSON', writes(1n), 'a BigInt'],
    [
      'an object that holds only private fields',
      new (class Secret {
        #a = 1;
        a() {
          return this.#a;
        }
      })(),
      'a Secret',
    ],
  ])('refuses %s, wherever it is, and says where', async (_what, given, kind) => {
    for (const [result, where] of [
      [given, 'it'],
      [{ 'a/b': [0, { c: given }] }, '/a~1b/1/c'],
    ] as const) {
      const error = await refusalOf(() => toJsonValue(result));
      expect(error).toMatchObject({ code: 'operation-rejected' });
      expect(error.message).toContain(`the result cannot be JSON: ${where} is ${kind}`);
    }
  });

  it.each<[string, unknown, string]>([
    ['undefined in an array', [1, undefined], '/1 is undefined'],
    ['a hole in an array', new Array(1e9), '/0 is undefined'],
    ['raw JSON that a double cannot hold', { n: writes(raw('9007199254740993')) }, '/n is the number'],
    ...[retry('busy'), retryAfter(5, 'busy'), reject('no')].flatMap(
      (outcome): [string, unknown, string][] => [
        [`a spread of ${outcome.kind}`, { ...outcome }, 'it is a copy of an outcome'],
        [`what a thread sends of ${outcome.kind}`, structuredClone(outcome), 'it is a copy of an outcome'],
      ],
    ),
    ['an outcome inside', [{ a: retry('busy') }], '/0/a is an outcome; return it by itself'],
    ['an outcome of an outcome', reject('no'), 'it is an outcome; return it by itself'],
    ['a result that is wrapped twice', { a: done(1) }, '/a is an outcome; return the result by itself'],
    ['a circle', circle(), '/list/0/list is a circle'],
    ['a value that is nested without end', nested(300), 'nested deeper than 256 levels'],
    [
      'a getter that throws',
      Object.defineProperty({}, 'a', { enumerable: true, get: () => HOSTILE.toString() }),
      '/a is a value that throws',
    ],
  ])('refuses %s', async (_what, given, message) => {
    expect((await refusalOf(() => toJsonValue(given))).message).toContain(message);
  });

  it('reads no more than may be copied if one value stands at a million million places', async () => {
    let reads = 0;
    let value: unknown = {
      get text() {
        reads++;
        return 'x';
      },
    };
    for (let level = 0; level < 40; level++) value = twice(value);
    expect(await refusalOf(() => toJsonValue(value))).toMatchObject({ code: 'result-too-large' });
    expect(reads).toBeLessThan(1_000_000);
  });

  it('can be written and read again, or a sentence says why not, whatever is returned', () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withTypedArray: true,
          withSparseArray: true,
          withNullPrototype: true,
          withBoxedValues: true,
          withObjectString: true,
        }),
        (given) => {
          const json = valueOrSentence(given);
          expect(JSON.parse(JSON.stringify({ json }))).toEqual(
            json === undefined ? {} : JSON.parse(JSON.stringify({ json })),
          );
        },
      ),
    );
  });
});

function valueOrSentence(given: unknown): unknown {
  try {
    return toJsonValue(given);
  } catch (thrown) {
    expect(thrown).toMatchObject({
      code: 'operation-rejected',
      message: expect.stringMatching(/^the result cannot be JSON: /),
    });
    return undefined;
  }
}

function twice(value: unknown): unknown {
  return [value, value];
}

function circle(): unknown {
  const list: unknown[] = [];
  list.push({ list });
  return { list };
}
