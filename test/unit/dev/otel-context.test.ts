import { type Context, createContextKey as theirKey, ROOT_CONTEXT as theirs } from '@opentelemetry/api';
import { describe, expect, it } from 'vitest';
import { createContextKey, ROOT_CONTEXT as ours } from '../../../dev/edge/stand-ins/otel-context.ts';

const [a, b, c] = ['a', 'b', 'c'].map((name) => createContextKey(`throughline test ${name}`)) as [
  symbol,
  symbol,
  symbol,
];
const values = (context: Context): unknown[] => [a, b, c].map((key) => context.getValue(key));

describe.each([
  ['of the API', theirs],
  ['of the Worker', ours],
])('the context %s', (_whose, root) => {
  it('has nothing at its root', () => {
    expect(values(root)).toEqual([undefined, undefined, undefined]);
  });

  it('has what was set last, and what is below', () => {
    const one = root.setValue(a, 1).setValue(b, 2);
    expect(values(one)).toEqual([1, 2, undefined]);
    expect(values(one.setValue(a, 3).setValue(c, null))).toEqual([3, 2, null]);
  });

  it('does not change when another is made from it', () => {
    const one = root.setValue(a, 1);
    one.setValue(a, 2);
    one.deleteValue(a);
    expect([values(one), values(root)]).toEqual([
      [1, undefined, undefined],
      [undefined, undefined, undefined],
    ]);
  });

  it('has no value that was deleted, even if it was set twice, until it is set again', () => {
    const deleted = root.setValue(a, 1).setValue(b, 2).setValue(a, 3).deleteValue(a);
    expect(values(deleted)).toEqual([undefined, 2, undefined]);
    expect(values(deleted.setValue(a, 4))).toEqual([4, 2, undefined]);
    expect(values(root.deleteValue(a))).toEqual([undefined, undefined, undefined]);
  });
});

it('the key of a name is the same as in the API', () => {
  expect(createContextKey('a name')).toBe(theirKey('a name'));
});
