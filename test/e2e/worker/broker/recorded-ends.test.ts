import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { expect, it } from 'vitest';
import { WorkerGroups } from '../../../../worker-node/broker/groups/worker-groups.ts';
import { scratchFolder } from '../../../support/cleanup.ts';
import {
  connectTo,
  effectsIn,
  endsOf,
  jobEnded,
  readJob,
  submitJob,
  untilQueueEmpty,
} from '../../../support/jobs.ts';
import { eventsByJob } from '../../../support/nats/stored.ts';
import { until } from '../../../support/poll.ts';
import { withTestStack } from '../../../support/stack.ts';

/** A system with one worker, and the files of its jobs. */
async function scene(ackWaitMs = 1_000, concurrency = '10') {
  const stack = await withTestStack({
    operationsFolder: 'test/fixtures/operations',
    worker: {
      WORKER_ACK_WAIT_MS: String(ackWaitMs),
      WORKER_CONCURRENCY: concurrency,
      WORKER_NAME: 'first',
    },
    tracing: false,
  });
  const folder = await scratchFolder();
  const nats = await connectTo(stack);
  const kindsOf = async (id: string): Promise<string[]> =>
    ((await eventsByJob(nats)).get(id) ?? []).map(
      ({ kind, attempt, worker }) => `${kind} ${attempt} ${worker}`,
    );
  return { stack, nats, kindsOf, gate: path.join(folder, 'gate'), effects: path.join(folder, 'effects') };
}

it('a job whose operation wants only its end stored has one event, and its caller sees the attempt', async () => {
  const { stack, kindsOf, effects } = await scene(60_000);
  const { id } = await submitJob(stack, 'test.quick', { effects });
  await jobEnded(stack, id);
  expect(await kindsOf(id)).toEqual(['succeeded 1 first']);
  expect(await readJob(stack, id)).toMatchObject({
    state: 'succeeded',
    attempt: 1,
    startedAt: expect.any(String),
    attempts: [{ number: 1, worker: 'first', outcome: 'succeeded' }],
  });
  expect(await effectsIn(effects)).toEqual(['begun 1, no fence']);
});

it('a later attempt of such a job stores its start, and has a fence', async () => {
  const { stack, kindsOf, effects } = await scene();
  const { id } = await submitJob(stack, 'test.quick', { effects, fails: 1 });
  await jobEnded(stack, id);
  expect((await kindsOf(id)).slice(-3)).toEqual(['retrying 1 first', 'started 2 first', 'succeeded 2 first']);
  expect((await effectsIn(effects)).at(-1)).toBe('begun 2, fence');
});

it('such a job has one end if its worker is paused while another one does it (W4)', async () => {
  const { stack, nats, effects, gate } = await scene();
  const { id } = await submitJob(stack, 'test.quick', { effects, gate });
  await until('the first attempt', async () => (await effectsIn(effects)).length === 1);
  await stack.worker.kill('SIGSTOP');
  await stack.addWorker({ WORKER_NAME: 'second' });
  expect(await jobEnded(stack, id)).toMatchObject({ state: 'succeeded' });
  await writeFile(gate, '');
  await stack.worker.kill('SIGCONT');
  await until('the first attempt to end', () =>
    stack.logs().some(({ msg }) => String(msg).includes('not recorded')),
  );
  await untilQueueEmpty(nats);
  expect(await endsOf(nats, id)).toEqual(['succeeded']);
});

it('such a job runs again if it kills its worker, and that attempt is counted (W3)', async () => {
  const { stack, nats, effects, gate, kindsOf } = await scene();
  const { id } = await submitJob(stack, 'test.quick', { effects, gate });
  await until('the first attempt', async () => (await effectsIn(effects)).length === 1);
  await stack.worker.kill('SIGKILL');
  await stack.addWorker({ WORKER_NAME: 'second' });
  expect(await jobEnded(stack, id)).toMatchObject({ state: 'succeeded' });
  await untilQueueEmpty(nats);
  expect((await kindsOf(id)).slice(-2).map((kind) => kind.split(' ')[0])).toEqual(['started', 'succeeded']);
  expect(await effectsIn(effects)).toHaveLength(2);
});

it('such a job does not run again when its group is moved while its host has no room to ask for jobs', async () => {
  const { stack, nats, effects, gate, kindsOf } = await scene(60_000, '1');
  const { id } = await submitJob(stack, 'test.quick', { effects, until: gate });
  const groups = new WorkerGroups({ connection: nats, manager: await jetstreamManager(nats) });
  await until('the first attempt', async () => (await effectsIn(effects)).length === 1);
  await until('a full host', async () => (await groups.list()).every(({ pulls }) => pulls === 0));
  await groups.move({ from: 'workers', to: 'workers', operations: undefined, force: true });
  await writeFile(gate, '');
  await untilQueueEmpty(nats);
  expect(await effectsIn(effects)).toEqual(['begun 1, no fence']);
  expect(await kindsOf(id)).toEqual(['succeeded 1 first']);
});
