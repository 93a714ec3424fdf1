import { expect, it } from 'vitest';
import { Job } from '../../../shared/job/job.ts';
import { bodyOf } from '../../support/http/answers.ts';
import { withTestStack } from '../../support/stack.ts';

it('a job that was shown at its end is shown so while NATS is away, whatever is sent or cancelled with its key', async () => {
  const stack = await withTestStack();
  const key = { 'idempotency-key': 'ended' };
  const echo = { operation: 'echo', input: 'once' };
  const { id } = await stack.run('echo', 'once', key);
  const read = async (): Promise<string> => (await bodyOf(Job, stack.call(`/v1/jobs/${id}`))).state;
  expect(await read()).toBe('succeeded');
  await stack.nats.kill('SIGKILL');
  const again = await stack.submit(echo, key);
  expect([again.status, await again.json()]).toMatchObject([200, { id, state: 'succeeded' }]);
  expect((await stack.submit({ ...echo, input: 'other' }, key)).status).toBe(422);
  expect(await read()).toBe('succeeded');
  const cancelled = await stack.call(`/v1/jobs/${id}`, { method: 'DELETE' });
  expect([409, 503]).toContain(cancelled.status);
  expect(await read()).toBe('succeeded');
});
