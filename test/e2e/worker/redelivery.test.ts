import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WorkerProcess } from '../../../dev/worker/start.ts';
import { readJobEvent } from '../../../shared/wire/event-message.ts';
import {
  connectTo,
  effectsIn,
  endsOf,
  forgetDuplicates,
  jobEnded,
  nextOf,
  readJob,
  submitJob,
  type TakenJob,
  takeJob,
  untilQueueEmpty,
} from '../../support/jobs.ts';
import { eventsByJob } from '../../support/nats/stored.ts';
import { until } from '../../support/poll.ts';
import { type TestStack, withTestStack } from '../../support/stack.ts';

const ACK_WAIT_MS = 1_000;

let directory: string;
let files = 0;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'throughline-redelivery-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const newFile = (): string => path.join(directory, `effects-${++files}`);

const own = (worker: Record<string, string> = {}): Promise<TestStack> =>
  withTestStack({
    operationsFolder: 'test/fixtures/operations',
    worker: { WORKER_ACK_WAIT_MS: String(ACK_WAIT_MS), WORKER_NAME: 'first', ...worker },
    tracing: false,
  });

/** Waits until the broker has forgotten the message ids from before `since`. */
async function windowPassed(since: number): Promise<void> {
  await until('the duplicate window to pass', () => Date.now() - since > 500);
}

const said = (stack: TestStack, words: string): unknown =>
  stack.logs().find(({ msg }) => typeof msg === 'string' && msg.includes(words));

describe('a worker that was paused for longer than the ack wait, while another one did its job (W4)', () => {
  it.each([
    ['succeeds too', 'late'],
    ['fails', 'late-failure'],
  ])(
    'records nothing when it %s: the job has one end, and that stays its last event',
    async (_what, mode) => {
      const stack = await own();
      const nats = await connectTo(stack);
      await forgetDuplicates(nats, 'EVENTS', 'DEAD');
      const [effects, gate] = [newFile(), newFile()];
      const job = await submitJob(stack, 'test.lease', { mode, gate, effects });
      await until('the first attempt', async () => (await effectsIn(effects)).length === 1);
      await stack.worker.kill('SIGSTOP');
      await stack.addWorker({ WORKER_NAME: 'second' });
      expect(await jobEnded(stack, job.id)).toMatchObject({ state: 'succeeded', result: { attempt: 2 } });
      await windowPassed(Date.now());
      await writeFile(gate, '');
      await stack.worker.kill('SIGCONT');
      await until('the first attempt to end', () => said(stack, 'attempt not recorded'));
      await untilQueueEmpty(nats);
      expect(await endsOf(nats, job.id)).toEqual(['succeeded']);
      expect(await readJob(stack, job.id)).toMatchObject({ state: 'succeeded', result: { attempt: 2 } });
    },
  );

  it('leaves the job one end, if both attempts run when it goes on', async () => {
    const stack = await own();
    const nats = await connectTo(stack);
    await forgetDuplicates(nats, 'EVENTS', 'DEAD');
    const effects = newFile();
    const job = await submitJob(stack, 'test.mode', { mode: 'nap', ms: 2_500, effects });
    const began = async (attempt: number) => (await effectsIn(effects)).includes(`${job.id} ${attempt}`);
    await until('the first attempt', () => began(1));
    await stack.worker.kill('SIGSTOP');
    await stack.addWorker({ WORKER_NAME: 'second' });
    await until('the second attempt', () => began(2));
    await stack.worker.kill('SIGCONT');
    await until('both attempts to end', () => said(stack, 'attempt not recorded'));
    await untilQueueEmpty(nats);
    expect(await endsOf(nats, job.id)).toEqual(['succeeded']);
  });
});

describe('a worker whose event loop is blocked for longer than the ack wait (W15)', () => {
  it('does not run the job twice at the same time, and the repeated delivery costs no attempt', async () => {
    const stack = await own();
    const nats = await connectTo(stack);
    const [effects, lastGate] = [newFile(), newFile()];
    const input = { ms: 2_500, blocks: true, lastGate, fails: true, effects };
    const job = await submitJob(stack, 'test.late', input);
    const line = await until('the repeated delivery', () => said(stack, 'delivered again too soon'));
    expect(line).toMatchObject({ job_id: job.id, trace_id: job.traceId });
    await writeFile(lastGate, '');
    expect(await jobEnded(stack, job.id)).toMatchObject({ state: 'succeeded', attempt: 2 });
    await untilQueueEmpty(nats);
    expect(await effectsIn(effects)).toEqual([`${job.id} 1`, `${job.id} 2`]);
    expect(await endsOf(nats, job.id)).toEqual(['succeeded']);
  });

  it('leaves the job one end where another worker got it', async () => {
    const stack = await own();
    const nats = await connectTo(stack);
    const [effects, gate] = [newFile(), newFile()];
    const job = await submitJob(stack, 'test.late', { ms: 0, blocks: true, gate, effects });
    await until('the first attempt', async () => (await effectsIn(effects)).length === 1);
    await stack.addWorker({ WORKER_NAME: 'second' });
    expect(await jobEnded(stack, job.id)).toMatchObject({ result: { attempt: 2 } });
    await writeFile(gate, '');
    await until('both attempts to end', () => said(stack, 'attempt not recorded'));
    await untilQueueEmpty(nats);
    expect(await endsOf(nats, job.id)).toEqual(['succeeded']);
  });
});

describe('a worker that died between a job’s end and its acknowledgement (W3)', () => {
  it('leaves nothing to do: the end stays, and the job does not run again', async () => {
    const stack = await own();
    const nats = await connectTo(stack);
    const effects = newFile();
    const job = await submitJob(stack, 'test.mode', { mode: 'hang', effects });
    await until('the job to run', async () => (await effectsIn(effects)).length === 1);
    await stack.worker.kill('SIGKILL');
    await recordEnd(nats, job.id);
    await stack.addWorker({ WORKER_NAME: 'second' });
    await untilQueueEmpty(nats);
    expect(await effectsIn(effects)).toHaveLength(1);
    expect(await endsOf(nats, job.id)).toEqual(['succeeded']);
  });
});

describe('a job that was published twice, with different message ids (T3)', () => {
  it('runs once, even if the second message comes while the first one is handled', async () => {
    // Both hosts live: one that this machine starves for a second loses no job to the other.
    const stack = await own({ WORKER_ACK_WAIT_MS: '4000' });
    const nats = await connectTo(stack);
    await stack.addWorker({ WORKER_NAME: 'second' });
    const effects = newFile();
    const body = JSON.stringify({ mode: 'nap', ms: 400, effects });
    const publish = (msgID: string) =>
      jetstream(nats).publish('jobs.normal.p2.demo.twice.test.mode', body, { msgID });
    await publish('one');
    await publish('two');
    await untilQueueEmpty(nats);
    await publish('three');
    await untilQueueEmpty(nats);
    expect((await effectsIn(effects)).filter((line) => line === 'twice 1')).toHaveLength(1);
    expect(await effectsIn(effects)).toHaveLength(2);
    expect(await endsOf(nats, 'twice')).toEqual(['succeeded']);
  });

  it('runs once, also if one host takes both messages in the same millisecond', async () => {
    const stack = await own({ WORKER_CONCURRENCY: '20' });
    const nats = await connectTo(stack);
    const effects = newFile();
    const ids = Array.from({ length: 40 }, (_, n) => `both-${n}`);
    const body = JSON.stringify({ mode: 'nap', ms: 50, effects });
    for (const id of ids)
      await Promise.all(
        ['one', 'two'].map((which) =>
          jetstream(nats).publish(`jobs.normal.p2.demo.${id}.test.mode`, body, { msgID: `${id} ${which}` }),
        ),
      );
    await untilQueueEmpty(nats);
    const firsts = (await effectsIn(effects)).filter((line) => line.endsWith(' 1'));
    expect(firsts.toSorted()).toEqual(ids.map((id) => `${id} 1`).toSorted());
    for (const id of ids) expect(await endsOf(nats, id)).toEqual(['succeeded']);
  });
});

describe('a worker that stood still while a message of an earlier delivery came to it (W4)', () => {
  it('does not end the job as spent while another worker runs its last attempt', async () => {
    // The third worker lives: one that this machine starves for a while must not lose the job.
    const stack = await own({ WORKER_ACK_WAIT_MS: '8000' });
    const nats = await connectTo(stack);
    await stack.worker.stop();
    const [effects, gate] = [newFile(), newFile()];
    const job = await submitJob(stack, 'test.late', { ms: 0, gate, effects }, { maxAttempts: 1 });
    const taken = await takeJob(nats);
    const second = await stack.addWorker({ WORKER_NAME: 'second' });
    await stopOnDelivery(taken, second);
    await stack.addWorker({ WORKER_NAME: 'third' });
    await until('the attempt', async () => (await effectsIn(effects)).length === 1);
    await second.kill('SIGCONT');
    await until('the second worker to see the message', async () => {
      const { state } = await readJob(stack, job.id);
      return state !== 'running' || said(stack, 'message left alone') !== undefined;
    });
    await writeFile(gate, '');
    const { state, attempt, error } = await jobEnded(stack, job.id);
    expect({ state, attempt, error }).toEqual({ state: 'succeeded', attempt: 1, error: undefined });
    await untilQueueEmpty(nats);
    const events = (await eventsByJob(nats)).get(job.id) ?? [];
    expect(events.map(({ kind, attempt, worker }) => `${kind} ${attempt} ${worker}`)).toEqual([
      'started 1 third',
      'progress 1 third',
      'succeeded 1 third',
    ]);
  });
});

/** Pauses a worker, and hands the job of {@link takeJob} back while the worker has a pull open: the message goes to it. */
async function stopOnDelivery(taken: TakenJob, worker: WorkerProcess): Promise<void> {
  const { consumer } = taken;
  let { message } = taken;
  await until('a delivery to a worker that stands still', async () => {
    await worker.kill('SIGSTOP');
    if ((await consumer.info()).num_waiting > 0) {
      message.nak();
      const isDelivered = await until('the pull to get the message, or to end', async () => {
        const { delivered, num_waiting } = await consumer.info();
        return delivered.consumer_seq > message.info.deliverySequence ? 'yes' : num_waiting === 0 && 'no';
      });
      if (isDelivered === 'yes') return true;
      message = await nextOf(consumer);
    }
    await worker.kill('SIGCONT');
    return false;
  });
}

/** Ends a running job as its worker would have, with an id that no other event has. */
async function recordEnd(nats: NatsConnection, jobId: string): Promise<void> {
  const manager = await jetstreamManager(nats);
  const last = await manager.streams.getMessage('EVENTS', { last_by_subj: `events.demo.${jobId}` });
  const event = readJobEvent(last?.data ?? new Uint8Array());
  const { progress: _, ...kept } = event ?? { progress: undefined };
  const body = JSON.stringify({ ...kept, kind: 'succeeded', result: 'before' });
  await jetstream(nats).publish(`events.demo.${jobId}`, body, { headers: headers() });
}
