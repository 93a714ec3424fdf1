import { jetstreamManager } from '@nats-io/jetstream';
import { expect, it } from 'vitest';
import { CallbackSystem } from '../../../support/callbacks.ts';
import { connectTo, jobEnded, submitJob } from '../../../support/jobs.ts';

const REASON = expect.stringContaining('headers_only');

it('a job and a callback that come without their bodies wait until somebody has mended the consumer', async () => {
  const system = await CallbackSystem.start();
  const { stack } = system;
  const manager = await jetstreamManager(await connectTo(stack));
  const deliverOnlyHeaders = async (stream: string, headers_only: boolean): Promise<void> => {
    for await (const { name } of manager.consumers.list(stream))
      await manager.consumers.update(stream, name, { headers_only });
  };
  await deliverOnlyHeaders('JOBS', true);
  const job = await submitJob(stack, 'echo', { a: 1 });
  const [line] = await stack.logged(({ msg }) => String(msg).startsWith('job not settled'));
  expect(line).toMatchObject({ level: 'error', reason: REASON });
  await deliverOnlyHeaders('JOBS', false);
  expect(await jobEnded(stack, job.id)).toMatchObject({ state: 'succeeded', attempt: 1, result: { a: 1 } });

  await deliverOnlyHeaders('CALLBACKS', true);
  const called = await system.submit(system.to('/bare'));
  const [other] = await stack.logged(({ msg }) => String(msg).startsWith('callback not settled'));
  expect(other).toMatchObject({ level: 'error', reason: REASON });
  await deliverOnlyHeaders('CALLBACKS', false);
  expect(await system.callbacksOf(called.id)).toMatchObject([{ kind: 'callback-delivered', attempt: 1 }]);
});
