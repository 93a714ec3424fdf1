import path from 'node:path';
import { expect, it } from 'vitest';
import { createProject } from '../../create/project.ts';
import { scratchFolder } from '../support/cleanup.ts';
import { withTestStack } from '../support/stack.ts';
import { programsOf } from './languages.ts';
import { startExample } from './start-example.ts';

it('the worker in Python of a new project runs its operation beside a host in Node, in one group and one trace', async ({
  skip,
}) => {
  const [python = ''] = (await programsOf('python', skip)).worker;
  const { folder } = await createProject(path.join(await scratchFolder(), 'my-jobs'), { worker: 'python' });
  const stack = await withTestStack();
  const command = [python, '-B', path.join(folder, 'python/worker.py')];
  const settings = { WORKER_GROUP: 'workers', WORKER_OPERATIONS: '*', WORKER_NAME: 'new-python' };
  await startExample(stack, command, settings, 'python.words');
  const job = await stack.run('python.words', { text: 'one two two' });
  expect(job).toMatchObject({ state: 'succeeded', attempt: 1, result: { words: { one: 1, two: 2 } } });
  expect(await stack.run('echo', 'node')).toMatchObject({ state: 'succeeded', attempt: 1 });
  expect(await stack.run('python.words', {})).toMatchObject({
    state: 'failed',
    error: { message: 'text must be a text' },
  });
  const isWhole = (spans: readonly { service: string }[]): boolean =>
    spans.some(({ service }) => service === 'new-python');
  await stack.collector.waitForSpans(job.traceId, isWhole, 60_000);
});
