import { expect, it } from 'vitest';
import { RenewedSet } from '../../../../shared/memory/renewed-set.ts';

it('has its members once, in the order in which they came, until they are deleted', () => {
  const [first, second, third] = ['first', 'second', 'third'].map((name) => ({ name }));
  const set = new RenewedSet<object | undefined>();
  for (const one of [first, second, first, third]) set.add(one);
  set.delete(second);
  set.delete(second);
  expect([first, second, third].map((one) => set.has(one))).toEqual([true, false, true]);
  expect(set.values()).toEqual([first, third]);
  expect(set.size).toBe(2);
});
