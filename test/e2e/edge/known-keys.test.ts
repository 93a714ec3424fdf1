import { expect, it } from 'vitest';
import { Job } from '../../../shared/job/job.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { bodyOf } from '../../support/http/answers.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';

const KEYS = ['a', 'b', 'c', 'd', 'e', 'f'];
/** What chooses the bridge of a job besides its id. */
const more = (key: string) => [{}, { orderingKey: 'steps' }, { unique: { key, while: 'running' } }];

/** Submits a job for each key, and jobs with more fields. */
async function submitAll(stack: TestStack, keys: readonly string[]): Promise<Record<string, Job>> {
  const submissions = keys.flatMap((key) =>
    more(key).map(
      (fields) => [`${key}/${Object.keys(fields)}`, { operation: 'echo', input: key, ...fields }] as const,
    ),
  );
  const jobs = submissions.map(async ([key, body]) => {
    const headers = { 'idempotency-key': key, prefer: 'wait=20' };
    return [key, await bodyOf(Job, stack.submit(body, headers))];
  });
  return Object.fromEntries(await Promise.all(jobs));
}

it('a key means the same job when the number of shards changes, and when it changes back', {
  timeout: 120_000,
}, async () => {
  const persistIn = await scratchFolder();
  const during = async <T>(shards: string, work: (stack: TestStack) => Promise<T>): Promise<T> => {
    const stack = await startTestStack({ persistIn, edge: { BRIDGE_SHARDS: shards } });
    try {
      return await work(stack);
    } finally {
      await stack.stop();
    }
  };
  const early = KEYS.slice(0, 3);
  const late = KEYS.slice(3);
  const first = await during('1', (stack) => submitAll(stack, early));
  const second = await during('4', async (stack) => ({
    again: await submitAll(stack, early),
    late: await submitAll(stack, late),
  }));
  expect(second.again).toEqual(first);
  const third = await during('1', (stack) => submitAll(stack, KEYS));
  expect(third).toEqual({ ...first, ...second.late });
});
