import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { canMount, mountSmall } from '../../chaos/support/small-disk.ts';
import { submitJob } from '../../support/jobs.ts';
import { startTestNats } from '../../support/nats/nats.ts';
import { until } from '../../support/poll.ts';
import { withTestStack } from '../../support/stack.ts';

it.skipIf(!(await canMount()))(
  'after a full disk worker and edge say that NATS must be restarted, and are ready after that',
  async () => {
    const disk = await mountSmall(24);
    const nats = await startTestNats({ storeDir: path.join(disk.path, 'store') });
    onTestFinished(() => nats.stop());
    const stack = await withTestStack({
      nats,
      tracing: false,
      edge: { BROKER_TIMEOUT_MS: '1000' },
      worker: { WORKER_ANNOUNCE_MS: '500', STREAM_STORE_BYTES: '20000000' },
    });
    const says = (url: string): Promise<boolean> =>
      until('/readyz to say that a restart is needed', async () => {
        const response = await fetch(`${url}/readyz`);
        return response.status === 503 && (await response.text()).includes('then restart nats-server');
      });
    const input = 'x'.repeat(20_000);
    expect((await stack.run('echo', input)).state).toBe('succeeded');
    await disk.fill();
    await until('a job that NATS does not store', async () => {
      return (await submitJob(stack, 'echo', input)).durability === 'outbox';
    });
    await says(stack.url);
    await says(stack.worker.healthUrl);
    await disk.free();
    await says(stack.url);
    await expect(stack.addWorker()).rejects.toThrow('then restart nats-server');
    await nats.restart();
    for (const url of [stack.url, stack.worker.healthUrl])
      await until('readiness', async () => (await fetch(`${url}/readyz`)).ok);
    expect((await stack.run('echo', 'again')).state).toBe('succeeded');
  },
  120_000,
);
