import { startStack, type TestStack } from 'throughline/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { greet } from '../../guides/operations/greet.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack({ operations: 'test/guides/operations' });
}, 60_000);
afterAll(() => stack.stop());

test('greets from end to end, in one trace', async () => {
  const { job } = await stack.client.submit<typeof greet>('greet', { name: 'Ada' }, { waitSeconds: 20 });
  expect(job.result).toEqual({ greeting: 'hello Ada' });
  const spans = await stack.waitForTrace(job.traceId);
  const worked = spans.find(({ kind }) => kind === 'CONSUMER');
  expect(worked?.attributes['throughline.job.operation']).toBe('greet');
  expect(stack.log()).toContainEqual(expect.objectContaining({ msg: 'greeted', trace_id: job.traceId }));
});
