import path from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { keptEdge } from '../../../dev/edge/kept-build.ts';
import type { Job } from '../../../shared/job/job.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { acceptedIn } from '../../support/http/answers.ts';
import { readJob } from '../../support/jobs.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';

const INPUT = { text: 'grüße', list: [1, null, { deep: true }] };

let stack: TestStack;
beforeAll(async () => {
  const folder = path.join(await scratchFolder(), 'edge');
  const bundle = await keptEdge(folder, 'test/edge/support/earlier-bridge.ts');
  stack = await startTestStack({ bundle, tracing: false });
});

it('a bridge of an earlier version gets the input of a job as it knows it', async () => {
  const job = await stack.run('echo', INPUT);
  expect(job).toMatchObject({ state: 'succeeded', result: INPUT });
});

it('and the inputs of a batch', async () => {
  const jobs = [
    { operation: 'echo', input: INPUT },
    { operation: 'echo', input: null },
  ];
  const response = await stack.call('/v1/jobs/batch', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jobs }),
  });
  const accepted = await acceptedIn(response);
  const read = async ({ id }: Job): Promise<unknown> => {
    const { state, result } = await readJob(stack, id);
    return { state, result };
  };
  const ended = [INPUT, null].map((result) => ({ state: 'succeeded', result }));
  await expect.poll(() => Promise.all(accepted.map(read))).toEqual(ended);
});
