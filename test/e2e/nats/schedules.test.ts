import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { expect, it, onTestFinished } from 'vitest';
import { Job } from '../../../shared/job/job.ts';
import { until } from '../../support/poll.ts';
import { withTestStack } from '../../support/stack.ts';

const SCHEDULE = 'delayed.normal.p3.acme.ghost.echo';

/** Publishes a job that the server repeats, as another program could. */
async function repeat(nats: NatsConnection): Promise<void> {
  const schedule = headers();
  schedule.set('Nats-Schedule', '@every 1s');
  schedule.set('Nats-Schedule-Target', SCHEDULE.replace('delayed', 'due'));
  schedule.set('Nats-Schedule-TTL', '168h');
  await jetstream(nats).publish(SCHEDULE, '1', { headers: schedule });
}

it('a schedule that repeats makes no job: the worker refuses what it makes, and names it', async () => {
  const stack = await withTestStack();
  const nats = await connect({ servers: stack.nats.url });
  onTestFinished(() => nats.close());
  const manager = await jetstreamManager(nats);
  await repeat(nats);
  const refusals = () => stack.logs().filter(({ msg }) => msg === 'message refused');
  await until('two refusals', () => refusals().length >= 2);
  expect(refusals()[0]).toMatchObject({
    schedule: SCHEDULE,
    reason: 'it comes from a schedule that repeats',
  });
  // A job that is delayed by our own edge comes from a schedule too.
  const delayed = await stack.submit({ operation: 'echo', input: 1, delay: '1s' });
  const { id } = Job.parse(await delayed.json());
  await until('the delayed job', async () => {
    const job = Job.parse(await (await stack.call(`/v1/jobs/${id}`)).json());
    return job.state === 'succeeded';
  });
  expect((await manager.streams.info('DEAD')).state.messages).toBe(0);
  const { state } = await manager.streams.info('EVENTS', { subjects_filter: 'events.acme.>' });
  expect(state.subjects ?? {}).toEqual({});
  // As the runbook says.
  await manager.streams.purge('DELAYED', { filter: SCHEDULE });
  await until('the queue to be empty', async () => (await manager.streams.info('JOBS')).state.messages === 0);
});
