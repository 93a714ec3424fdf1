import { expect, it } from 'vitest';
import type { RunContext } from '../../../../../worker-node/operations/operation.ts';
import { run } from './run-operation-support.ts';

/** What two attempts get. */
async function twoContexts(): Promise<RunContext<unknown>[]> {
  const given: RunContext<unknown>[] = [];
  for (let n = 0; n < 2; n++) await run((context) => void given.push(context));
  return given;
}

// A getter of its own would make the memory of each attempt last: docs/decisions/worker.md.
it('what attempts get has the same getters, and each gives what is of its attempt', async () => {
  const [one, other] = await twoContexts();
  const getterOf = (holder: object | undefined, name: string) =>
    Object.getOwnPropertyDescriptor(holder ?? {}, name)?.get;
  expect(getterOf(one, 'signal')).toBeTypeOf('function');
  expect(getterOf(one, 'signal')).toBe(getterOf(other, 'signal'));
  expect(getterOf(one?.job, 'carrier')).toBeTypeOf('function');
  expect(getterOf(one?.job, 'carrier')).toBe(getterOf(other?.job, 'carrier'));
  expect(one?.signal).toBeInstanceOf(AbortSignal);
  expect(one?.signal).toBe(one?.signal);
  expect(one?.signal).not.toBe(other?.signal);
});

it('a copy of what an attempt gets has its signal', async () => {
  const [context] = await twoContexts();
  const copy = { ...context };
  expect(copy.signal).toBe(context?.signal);
  expect(Object.getOwnPropertySymbols(copy)).toEqual([]);
  expect(Object.keys(copy).toSorted()).toEqual(['input', 'job', 'log', 'progress', 'signal']);
});

it('an author may put another signal in the place of the one that an attempt gets', async () => {
  const [context] = await twoContexts();
  const own = AbortSignal.any([AbortSignal.timeout(1_000)]);
  expect(Object.defineProperty(context, 'signal', { value: own })).toHaveProperty('signal', own);
});
