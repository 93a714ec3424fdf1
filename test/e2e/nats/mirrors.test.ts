import { jetstreamManager, type StreamConfig } from '@nats-io/jetstream';
import { expect, it } from 'vitest';
import { runLocal } from '../../support/cli/process.ts';
import { connectTo, jobEnded, readJob, submitJob } from '../../support/jobs.ts';
import { until } from '../../support/poll.ts';
import { withTestStack } from '../../support/stack.ts';

it.each<[string, Partial<StreamConfig> & { name: string }]>([
  ['mirrors', { name: 'COPY', mirror: { name: 'JOBS' } }],
  ['has it as a source', { name: 'COPY', sources: [{ name: 'JOBS' }] }],
])(
  'a stream of an operator that %s the queue is no worker group: jobs run, and are cancelled',
  async (_how, copy) => {
    const stack = await withTestStack({ tracing: false });
    const { streams } = await jetstreamManager(await connectTo(stack));
    await streams.add(copy);
    const kept = async (): Promise<number> => (await streams.info(copy.name)).state.messages;
    await stack.worker.stop();
    const first = await submitJob(stack, 'echo', 1);
    const second = await submitJob(stack, 'echo', 2);
    await until('both jobs in the copy', async () => (await kept()) === 2);

    const answer = await stack.call(`/v1/jobs/${first.id}`, { method: 'DELETE' });
    expect([answer.status, await answer.json()]).toMatchObject([200, { state: 'cancelled' }]);
    const environment = { NATS_URL: stack.nats.url, STREAM_STORE_BYTES: '2000000000' };
    const { stdout } = await runLocal(['groups', 'list', '--json'], environment);
    expect((JSON.parse(stdout) as { groups: { name: string }[] }).groups.map(({ name }) => name)).toEqual([
      'workers',
    ]);
    expect(await runLocal(['setup', '--check'], environment)).toMatchObject({ code: 0 });
    await stack.addWorker();
    expect(await jobEnded(stack, second.id)).toMatchObject({ state: 'succeeded' });
    expect(await readJob(stack, first.id)).toMatchObject({ state: 'cancelled' });
  },
);
