import { expect, it } from 'vitest';
import { Job } from '../../../shared/job/job.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { until } from '../../support/poll.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';

/** Makes the edge ask, while NATS has no job, since when it knows all keys. */
async function askForUnknownOperation(stack: TestStack): Promise<void> {
  const response = await stack.submit({ operation: 'unknown', input: 1 }, { 'idempotency-key': 'first' });
  expect(response.status).toBe(422);
}

async function trigger(stack: TestStack): Promise<Job> {
  const put = await stack.call('/v1/schedules/shared', {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ operation: 'echo', input: 1, every: '1d' }),
  });
  expect(put.status).toBe(201);
  const headers = { 'idempotency-key': 'run' };
  return Job.parse(
    await (await stack.call('/v1/schedules/shared/trigger', { method: 'POST', headers })).json(),
  );
}

it('a run that two edges make is one job, also long after its first message', async () => {
  const one = await startTestStack({ storageDir: await scratchFolder() });
  const other = await startTestStack({ storageDir: await scratchFolder(), nats: one.nats });
  for (const stack of [one, other]) await askForUnknownOperation(stack);
  const { id } = await trigger(one);
  const ended = await until('the end', async () => {
    const job = Job.parse(await (await one.call(`/v1/jobs/${id}`)).json());
    return job.state === 'succeeded' && job;
  });
  // The server forgets the ids of messages that it does not have any more.
  await one.nats.restart();
  await until('the other edge to be connected', async () => (await other.call('/v1/operations')).ok);
  expect(await trigger(other)).toMatchObject({ id, state: 'succeeded', finishedAt: ended.finishedAt });
});
