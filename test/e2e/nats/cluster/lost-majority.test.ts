import { expect, it, onTestFinished } from 'vitest';
import { runLocal } from '../../../support/cli/process.ts';
import { jobEnded } from '../../../support/jobs.ts';
import { startTestCluster } from '../../../support/nats/nats.ts';
import { until } from '../../../support/poll.ts';
import { withTestStack } from '../../../support/stack.ts';

it('N17: while most servers of a cluster are away, edge and worker say so, and are ready after that', async () => {
  const cluster = await startTestCluster();
  onTestFinished(() => cluster.stop());
  const [first, ...others] = cluster.nodes;
  if (first === undefined) throw new Error('the cluster has no servers');
  const stack = await withTestStack({
    nats: first.server,
    tracing: false,
    edge: { BROKER_TIMEOUT_MS: '1000' },
    worker: { STREAM_REPLICAS: '3', WORKER_ANNOUNCE_MS: '500' },
  });
  const says = (url: string, what = 'servers of the cluster'): Promise<boolean> =>
    until('/readyz to say that servers are away', async () => {
      const response = await fetch(`${url}/readyz`);
      return response.status === 503 && (await response.text()).includes(what);
    });
  expect((await stack.run('echo', 'before')).state).toBe('succeeded');
  for (const { server } of others) await server.kill();
  // Also while nobody submits anything.
  await says(stack.url, 'JetStream has no leader');
  const accepted = await until('a job in the outbox', async () => {
    const response = await stack.submit({ operation: 'echo', input: 'meanwhile' });
    const body = (await response.json()) as { durability?: string; id: string };
    return body.durability === 'outbox' && body;
  });
  await says(stack.url);
  await says(stack.worker.healthUrl);
  // So does what starts now.
  for (const command of [['worker'], ['setup'], ['pause', 'echo']]) {
    const ended = await runLocal(command, { NATS_URL: first.server.url, HEALTH_PORT: '0' });
    expect(ended).toMatchObject({ code: 3, stderr: expect.stringContaining('servers of the cluster') });
  }
  for (const { server } of others) await server.restart();
  for (const url of [stack.url, stack.worker.healthUrl])
    await expect.poll(async () => (await fetch(`${url}/readyz`)).text()).toContain('"status":"ready"');
  expect(await jobEnded(stack, accepted.id)).toMatchObject({ state: 'succeeded', attempt: 1 });
});
