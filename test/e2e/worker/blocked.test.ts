import { expect, it } from 'vitest';
import { jobEnded, submitJob } from '../../support/jobs.ts';
import { withTestStack } from '../../support/stack.ts';

it('a host whose event loop stays blocked says where, and ends, so that the job has an end', async () => {
  const stack = await withTestStack({
    operationsFolder: 'test/fixtures/blocking',
    worker: { WORKER_ACK_WAIT_MS: '2000' },
    tracing: false,
  });
  const { id } = await submitJob(stack, 'test.blocker', null);
  expect(await stack.worker.exited).toBeNull();
  const [line] = await stack.logged(({ msg }) => String(msg).includes('blocked'));
  expect(line).toMatchObject({
    level: 'error',
    msg: 'the event loop stays blocked; the process ends',
    blocked_ms: 5_000,
    at: expect.stringMatching(/^run \(.*\/blocker\.ts:11\)$/),
    stack: expect.stringContaining('run-operation.ts'),
  });
  await stack.addWorker();
  expect(await jobEnded(stack, id)).toMatchObject({ state: 'failed', error: { code: 'attempts-spent' } });
});
