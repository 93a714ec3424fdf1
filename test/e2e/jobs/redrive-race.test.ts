import { expect, it } from 'vitest';
import type { Job } from '../../../shared/job/job.ts';
import { until } from '../../support/poll.ts';
import { withTestStack } from '../../support/stack.ts';

const JOBS = 40;

it('a worker does not mistake the event of a redrive for the start of another worker', async () => {
  // The usual ack wait of 30 s: a message that is not settled would come back too late for this test.
  const stack = await withTestStack({ operationsFolder: 'test/fixtures/operations' });
  const reject = { operation: 'test.mode', input: { mode: 'reject' } };
  const dead = await Promise.all(
    Array.from({ length: JOBS }, async () => {
      const response = await stack.submit(reject, { prefer: 'wait=20' });
      return (await response.json()) as Job;
    }),
  );
  expect(dead.map(({ state }) => state)).toEqual(Array(JOBS).fill('failed'));
  const redriven = async ({ id }: Job): Promise<void> => {
    const redrive = (): Promise<Response> => stack.call(`/v1/dead-letters/${id}/redrive`, { method: 'POST' });
    await until('the letter', async () => (await redrive()).status === 202);
    await until('its end after the redrive', async () => {
      const job = (await (await stack.call(`/v1/jobs/${id}`)).json()) as Job;
      return job.state === 'failed' && job.previousTraceIds?.length === 1;
    });
  };
  await Promise.all(dead.map(redriven));
});
