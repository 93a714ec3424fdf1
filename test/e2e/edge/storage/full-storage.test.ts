import path from 'node:path';
import { expect, it } from 'vitest';
import { canMount, mountSmall } from '../../../chaos/support/small-disk.ts';
import { until } from '../../../support/poll.ts';
import { problemOf, withTestStack } from '../../../support/stack.ts';

it.skipIf(!(await canMount()))(
  'E10: a bridge without room in its storage says so to callers, and accepts jobs when there is room again',
  async () => {
    const disk = await mountSmall(24);
    const stack = await withTestStack({ tracing: false, storageDir: path.join(disk.path, 'storage') });
    // Of a job with a key, the bridge stores the key.
    const submit = () =>
      stack.submit({ operation: 'echo', input: 1 }, { 'idempotency-key': crypto.randomUUID() });
    expect((await submit()).status).toBe(202);
    await disk.fill();
    const refused = await until('a job that is refused', async () => {
      const response = await submit();
      return response.status === 503 && (await problemOf(response));
    });
    expect(refused.detail).toContain('the bridge has no room in its storage');
    await disk.free();
    await until('a job to be accepted', async () => (await submit()).ok);
  },
);
