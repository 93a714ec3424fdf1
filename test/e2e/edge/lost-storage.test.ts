import { mkdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { Job } from '../../../shared/job/job.ts';
import { scratchFolder } from '../../support/cleanup.ts';
import { bodyOf } from '../../support/http/answers.ts';
import { until } from '../../support/poll.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';

const KEYS = Array.from({ length: 6 }, (_, n) => ({ 'idempotency-key': `lost-${n}` }));

async function jobsOf(stack: TestStack): Promise<string[]> {
  const jobs = KEYS.map(async (key) => {
    const response = await stack.submit({ operation: 'echo', input: key }, { ...key, prefer: 'wait=20' });
    const { id, finishedAt } = await bodyOf(Job, response);
    return `${id} ${finishedAt}`;
  });
  return await Promise.all(jobs);
}

it.each(['1', '3'])(
  'keys mean the same jobs to an edge of %s bridges that has lost its storage',
  async (shards) => {
    const folder = await scratchFolder();
    const storageDir = path.join(folder, 'storage');
    await mkdir(storageDir);
    const stack = await startTestStack({ storageDir, edge: { BRIDGE_SHARDS: shards } });
    const before = await jobsOf(stack);
    await stack.stopEdge();
    await rename(storageDir, path.join(folder, 'lost'));
    await mkdir(storageDir);
    await stack.nats.restart();
    await stack.restartEdge();
    await until('the edge', async () => (await stack.call('/v1/operations')).ok);
    expect(await jobsOf(stack)).toEqual(before);
  },
);
