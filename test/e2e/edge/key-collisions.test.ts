import { beforeAll, expect, it } from 'vitest';
import { OutboxList } from '../../../shared/api/answers/outbox.ts';
import { Job } from '../../../shared/job/job.ts';
import { bodyOf } from '../../support/http/answers.ts';
import { until } from '../../support/poll.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';

const ECHO = { operation: 'echo', input: 'now' };
const LATER = { operation: 'echo', input: 'later', delay: '1h' };

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
  await stack.run('echo', 'before');
});

async function read(id: string): Promise<Job> {
  return await bodyOf(Job, stack.call(`/v1/jobs/${id}`));
}

it('of two requests with one key at the same moment, only one is taken, even if only one of them is delayed', async () => {
  const statuses = await Promise.all(
    Array.from({ length: 20 }, async (_, n) => {
      const key = { 'idempotency-key': `moment-${n}` };
      const answers = await Promise.all([stack.submit(ECHO, key), stack.submit(LATER, key)]);
      return answers.map(({ status }) => status).sort();
    }),
  );
  expect(statuses).toEqual(statuses.map(() => [202, 422]));
});

it('a request without a delay that comes in an outage with the key of a delayed job is no job', async () => {
  const key = { 'idempotency-key': 'outage' };
  const { id } = await bodyOf(Job, stack.submit(LATER, key));
  await stack.nats.kill('SIGKILL');
  expect((await stack.submit(ECHO, key)).status).toBe(202);
  await stack.nats.restart();
  const jobs = await until('the outbox to be sent', async () => {
    const { jobs } = await bodyOf(OutboxList, stack.call('/v1/outbox'));
    return jobs.every(({ state }) => state !== 'pending') && jobs;
  });
  expect(jobs).toMatchObject([{ jobId: id, state: 'rejected' }]);
  expect(await read(id)).toMatchObject({ id, state: 'queued' });
});
