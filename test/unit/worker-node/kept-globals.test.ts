import { runInThisContext } from 'node:vm';
import { expect, it, onTestFinished } from 'vitest';
import { keepGlobals } from '../../../worker-node/kept-globals.ts';

const PLAIN = 'function P() {}; P.all = P.race = () => {};';

it.each([
  ['Promise', 'a module', `"use strict"; { ${PLAIN} globalThis.Promise = P; }`],
  ['Promise', 'code that is not strict', `{ ${PLAIN} Promise = P; }`],
  ['Promise', 'code that leaves nothing', 'Promise = undefined;'],
  [
    'atob',
    'a window that calls the global one',
    '{ const w = { atob: (text) => atob(text) }; atob = w.atob; }',
  ],
  [
    'btoa',
    'a window that calls the global one',
    '{ const w = { btoa: (text) => btoa(text) }; btoa = w.btoa; }',
  ],
])('the global %s stays: %s that replaces it is told so', (name, _who, code) => {
  const own: unknown = Reflect.get(globalThis, name);
  onTestFinished(keepGlobals());
  expect(() => runInThisContext(code)).toThrow(
    new RegExp(`^the global ${name} was to be replaced by one that .* a name of its own$`),
  );
  expect(Reflect.get(globalThis, name)).toBe(own);
  expect(atob(btoa('same'))).toBe('same');
});

it('one that does the same may take the place', () => {
  const before = [Promise, atob];
  onTestFinished(() => void Object.assign(globalThis, { Promise: before[0], atob: before[1] }));
  onTestFinished(keepGlobals());
  runInThisContext('Promise = class extends Promise {}; { const own = atob; atob = (text) => own(text); }');
  expect(Promise).not.toBe(before[0]);
  expect(atob).not.toBe(before[1]);
});

it.each(['Promise', 'atob', 'btoa'])('%s is an ordinary global again at the end', (name) => {
  const own: unknown = Reflect.get(globalThis, name);
  keepGlobals()();
  Reflect.set(globalThis, name, 7);
  expect(Reflect.get(globalThis, name)).toBe(7);
  Reflect.set(globalThis, name, own);
});
