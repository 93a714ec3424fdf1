import { runInThisContext } from 'node:vm';
import { expect, it, onTestFinished } from 'vitest';
import { keepPromise } from '../../../worker-node/kept-promise.ts';

it.each([
  ['a module', '"use strict"; globalThis.Promise = class {};'],
  ['code that is not strict', 'Promise = class {};'],
  ['code that calls Reflect', 'if (!Reflect.set(globalThis, "Promise", class {})) throw new Error("no");'],
])('the global Promise stays: %s that replaces it is told so', (_who, code) => {
  const own = Promise;
  onTestFinished(keepPromise());
  expect(() => runInThisContext(code)).toThrow(
    /^the global Promise was to be replaced, .* a name of its own$/,
  );
  expect(Promise).toBe(own);
});

it('is an ordinary global again at the end', () => {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'Promise');
  keepPromise()();
  expect(Object.getOwnPropertyDescriptor(globalThis, 'Promise')).toEqual(before);
});
