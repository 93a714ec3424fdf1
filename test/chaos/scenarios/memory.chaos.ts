import { expect, it, onTestFinished } from 'vitest';
import { type EdgeHeap, openHeap } from '../../../dev/edge/heap.ts';
import { until } from '../../support/poll.ts';
import { type TestStack, withTestStack } from '../../support/stack.ts';

const ROUNDS = 300;
const AT_ONCE = 8;
const VALUES = ['object', 'closure', 'array', 'string', 'concatenated string', 'sliced string'];
/** A smaller difference between two heaps does not count. */
const QUIET_BYTES = 2_000;

it('C3: a request leaves nothing on the heap of the edge', async () => {
  // An inspector keeps the last thousand log lines.
  const stack = await withTestStack({ inspect: true, edge: { LOG_LEVEL: 'error' } });
  const heap = await openHeap(stack.inspectorUrl ?? '');
  onTestFinished(heap.close);
  // The first requests fill caches that have a limit: 1,200 of them are too few. Of 24,000 requests that came after 4,000
  // others, each left 0.001 values: 14, 2, 6, 1, 6 and 1 in each 4,000. A leak in one of the four kinds of requests would
  // be at least 0.25.
  await serve(stack, 3 * ROUNDS);
  const before = await keptBy(heap);
  const requests = await serve(stack, ROUNDS);
  const left = (await keptBy(heap)) - before;
  expect(left / requests).toBeLessThan(0.1);
});

/** How many values are on the heap when no work is under way, without those of the compiler. */
async function keptBy(heap: EdgeHeap): Promise<number> {
  let last = Number.POSITIVE_INFINITY;
  await until('the heap to be quiet', async () => {
    const now = await heap.used();
    const isQuiet = Math.abs(now - last) < QUIET_BYTES;
    last = now;
    return isQuiet;
  });
  const counts = await heap.count();
  return VALUES.reduce((sum, type) => sum + (counts[type] ?? 0), 0);
}

/** Sends requests of all kinds. @returns how many */
async function serve(stack: TestStack, rounds: number): Promise<number> {
  let left = rounds;
  let made = 0;
  const call = async (path: string, init?: RequestInit): Promise<void> => {
    await (await stack.call(path, init)).arrayBuffer();
    made++;
  };
  const work = async (): Promise<void> => {
    while (left-- > 0) {
      const job = await stack.run('echo', left);
      made++;
      await call(`/v1/jobs/${job.id}`);
      await call('/v1/jobs/nobody');
      await call('/v1/jobs', { method: 'POST', headers: { authorization: 'Bearer wrong' }, body: '{}' });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return made;
}
