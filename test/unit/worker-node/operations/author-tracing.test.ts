import { expect, it } from 'vitest';
import { withSpan } from '../../../../worker-node/operations/author-tracing.ts';
import { HOSTILE, revoked } from '../../../support/authors-mistakes.ts';

const fail = (): never => {
  throw new Error('not for you');
};

it.each<[string, unknown]>([
  ['an error', new TypeError('lost')],
  ['undefined', undefined],
  ['a symbol', Symbol('s')],
  ['an object without a prototype', Object.create(null)],
  ['a Proxy that throws', HOSTILE],
  ['a Proxy that is revoked', revoked({})],
  ['an error whose message throws', Object.defineProperty(new Error(), 'message', { get: fail })],
  ['an error whose stack throws', Object.defineProperty(new Error(), 'stack', { get: fail })],
  ['an error whose name throws', Object.defineProperty(new Error(), 'name', { get: fail })],
])('work in a span throws what it throws: %s', async (_what, thrown) => {
  const work = withSpan('work', () => {
    throw thrown;
  });
  const caught = await work.then(
    () => ({}),
    (error: unknown) => ({ error }),
  );
  // No matcher sees the value itself: to look at it may throw.
  expect('error' in caught && Object.is(caught.error, thrown)).toBe(true);
});
