import { describe, expect, it } from 'vitest';
import { isLimitKey, limitKeyValue } from '../../../../shared/job/limit-key.ts';

describe('the key of a limit', () => {
  it.each(['tenant', '/a', '/customer/id', '/a~1b/~0', '/0', '/', '/a b'])('may be %j', (key) => {
    expect(isLimitKey(key)).toBe(true);
  });

  it.each(['', 'a', 'customer/id', '/a~', '/a~2', `/${'x'.repeat(256)}`])('may not be %j', (key) => {
    expect(isLimitKey(key)).toBe(false);
  });
});

describe('the value of a key', () => {
  it('is the same however the caller orders the names of an object, so that no order escapes the limit', () => {
    const values = ['{"a":{"b":1,"c":{"d":2,"e":3}}}', '{"a":{"c":{"e":3,"d":2},"b":1}}'].map((text) =>
      limitKeyValue('/a', JSON.parse(text)),
    );
    expect(new Set(values).size).toBe(1);
  });

  it.each<[string, unknown, string]>([
    ['tenant', { a: 1 }, ''],
    ['/a', { a: 1 }, '1'],
    ['/a', { a: '1' }, '"1"'],
    ['/a/b', { a: { b: null } }, 'null'],
    ['/a/1', { a: ['x', 'y'] }, '"y"'],
    ['/a~1b/~0', { 'a/b': { '~': true } }, 'true'],
    ['/a', { a: { b: 1 } }, '{"b":1}'],
    ['/a', { a: { c: [{ z: 1, y: 2 }], b: 1 } }, '{"b":1,"c":[{"y":2,"z":1}]}'],
  ])('%s of %j is %j', (key, input, value) => {
    expect(limitKeyValue(key, input)).toBe(value);
  });

  it.each<[string, unknown]>([
    ['/a', {}],
    ['/a/b', { a: 1 }],
    ['/a', null],
    ['/a', 'text'],
    ['/toString', {}],
    ['/__proto__', {}],
    ['/length', 'text'],
    ['/a/length', { a: ['x'] }],
    ['/a/-', { a: ['x'] }],
    ['/a/00', { a: ['x'] }],
  ])('%s of %j is empty, since nothing of the input is there', (key, input) => {
    expect(limitKeyValue(key, input)).toBe('');
  });
});
