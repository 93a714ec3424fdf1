import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DiscardPolicy, type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTES } from '../../../shared/wire/lanes.ts';
import {
  connectTo,
  effectsIn,
  endsOf,
  heldJobs,
  jobEnded,
  readJob,
  submitJob,
  untilQueueEmpty,
} from '../../support/jobs.ts';
import { until } from '../../support/poll.ts';
import { type TestStack, withTestStack } from '../../support/stack.ts';

let directory: string;
let files = 0;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'throughline-loss-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const newFile = (): string => path.join(directory, `effects-${++files}`);

const own = (worker: Record<string, string> = {}): Promise<TestStack> =>
  withTestStack({
    operationsFolder: 'test/fixtures/operations',
    worker: { WORKER_ACK_WAIT_MS: '1000', ...worker },
    tracing: false,
  });

/** Waits until `/readyz` says that the worker takes no jobs, and returns the reason. */
function notReady(stack: TestStack, words: string): Promise<string> {
  return until(`the worker to say "${words}"`, async () => {
    const response = await fetch(`${stack.worker.healthUrl}/readyz`);
    const { reason = '' } = (await response.json()) as { reason?: string };
    return response.status === 503 && reason.includes(words) && reason;
  });
}

const ready = (stack: TestStack): Promise<boolean> =>
  until('the worker to be ready', async () => (await fetch(`${stack.worker.healthUrl}/readyz`)).ok);

const said = (stack: TestStack, words: string) =>
  stack.logs().filter(({ msg }) => typeof msg === 'string' && msg.includes(words));

/** Deletes a stream. @returns a function that creates it again, empty */
async function remove(manager: JetStreamManager, stream: string): Promise<() => Promise<unknown>> {
  const { config } = await manager.streams.info(stream);
  await manager.streams.delete(stream);
  return () => manager.streams.add(config);
}

async function deleteConsumers(manager: JetStreamManager): Promise<void> {
  for await (const { name } of manager.consumers.list('JOBS')) await manager.consumers.delete('JOBS', name);
}

describe('a consumer that is deleted while workers run', () => {
  it('is created again, and jobs go on', async () => {
    const stack = await own();
    const manager = await jetstreamManager(await connectTo(stack));
    expect((await stack.run('echo', 'before')).state).toBe('succeeded');
    await deleteConsumers(manager);
    expect((await stack.run('echo', 'after')).state).toBe('succeeded');
    const made = (): number => new Set(said(stack, 'created again').map(({ consumer }) => consumer)).size;
    await until('the consumers of all routes', () => made() === ROUTES.length);
    await ready(stack);
  });

  it('costs a job no attempt, and an ended job does not run again', async () => {
    const stack = await own();
    const nats = await connectTo(stack);
    const manager = await jetstreamManager(nats);
    const effects = newFile();
    const job = await submitJob(stack, 'test.mode', { mode: 'retry-later', ms: 3_000, effects });
    await until('a first attempt', async () => (await readJob(stack, job.id)).state === 'retrying');
    await deleteConsumers(manager);
    expect(await jobEnded(stack, job.id)).toMatchObject({ state: 'succeeded', attempt: 2 });
    await untilQueueEmpty(nats);
    expect(await effectsIn(effects)).toEqual([`${job.id} 1`, `${job.id} 2`]);
    expect(await endsOf(nats, job.id)).toEqual(['succeeded']);
  });
});

describe('a queue that is deleted and created again while workers run (N8)', () => {
  it('is named in the log and by /readyz, and its jobs run when it is back, without a restart', async () => {
    const stack = await own();
    const manager = await jetstreamManager(await connectTo(stack));
    expect((await stack.run('echo', 'before')).state).toBe('succeeded');
    const restore = await remove(manager, 'JOBS');
    expect(await notReady(stack, 'stream JOBS')).toBe('jobs cannot be pulled: stream JOBS does not exist');
    await until('the log to name the stream', () =>
      said(stack, 'cannot pull jobs').some(({ reason }) => reason === 'stream JOBS does not exist'),
    );
    await restore();
    expect((await stack.run('echo', 'after')).state).toBe('succeeded');
    await ready(stack);
  });
});

describe('the stream of events that is deleted while a worker has nothing to do', () => {
  it('is named by /readyz with 503, since no job could run, until it is back', async () => {
    const stack = await own();
    const manager = await jetstreamManager(await connectTo(stack));
    const restore = await remove(manager, 'EVENTS');
    expect(await notReady(stack, 'EVENTS')).toBe('stream EVENTS: it is gone; run `throughline setup`');
    await restore();
    await ready(stack);
    expect((await stack.run('echo', 'after')).state).toBe('succeeded');
  });
});

describe('a broker that starts with an empty store', () => {
  it('is told within seconds what a host can run, when it has the buckets again', async () => {
    const stack = await own({ WORKER_ANNOUNCE_MS: '30000' });
    const manager = await jetstreamManager(await connectTo(stack));
    const makeAgain = [await remove(manager, 'KV_HOSTS'), await remove(manager, 'KV_OPERATIONS')];
    await stack.nats.restart();
    await until('a failed renewal', () => said(stack, 'announcement not renewed').length > 0);
    for (const make of makeAgain) await make();
    await until('the operation to be known', () => stack.run('echo', 1).catch(() => undefined), 20_000);
    expect(said(stack, 'announcement not renewed')).toHaveLength(1);
  });
});

describe('a host that stops', () => {
  it('is not announced again when its connection comes back before its last job has ended', async () => {
    const stack = await own({ WORKER_STOP_TIMEOUT_MS: '60000' });
    const [effects, gate] = [newFile(), newFile()];
    const hosts = async (): Promise<string[]> => {
      const nats = await connectTo(stack);
      const bucket = await new Kvm(nats).open('HOSTS');
      const keys: string[] = [];
      for await (const key of await bucket.keys()) keys.push(key);
      return keys;
    };
    const job = await submitJob(stack, 'test.late', { ms: 0, gate, effects });
    await until('the job to run', async () => (await effectsIn(effects)).length === 1);
    expect(await hosts()).toHaveLength(1);
    const stopping = stack.worker.stop();
    await until('the host to say that it stops', async () => (await hosts()).length === 0);
    await stack.nats.restart();
    await stack.logged(({ msg, status }) => msg === 'NATS connection' && status === 'reconnect');
    await writeFile(gate, '');
    await stopping;
    expect(await jobEnded(stack, job.id)).toMatchObject({ state: 'succeeded', attempt: 1 });
    expect(await hosts()).toEqual([]);
  });
});

describe('a job whose end cannot be stored', () => {
  it('is kept, does not run again, and ends when EVENTS is back (W14)', async () => {
    const stack = await own({ WORKER_CONCURRENCY: '3' });
    const nats = await connectTo(stack);
    const manager = await jetstreamManager(nats);
    const effects = newFile();
    const gate = newFile();
    const jobs = await Promise.all(
      Array.from({ length: 3 }, () => submitJob(stack, 'test.late', { ms: 0, gate, effects })),
    );
    await until('the jobs to run', async () => (await effectsIn(effects)).length === 3);
    const restore = await remove(manager, 'EVENTS');
    await writeFile(gate, '');
    await notReady(stack, 'messages on events.> cannot be stored');
    // The worker keeps as many as it has slots. The others wait in the queue and do not start.
    const more = await Promise.all(
      Array.from({ length: 20 }, () => submitJob(stack, 'test.late', { ms: 0, effects })),
    );
    // A message that was handed back counts as unsettled too.
    expect(await heldJobs(manager)).toBeLessThan(3 + ROUTES.length);
    expect(await effectsIn(effects)).toHaveLength(3);
    await restore();
    await untilQueueEmpty(nats);
    const ids = [...jobs, ...more].map(({ id }) => id);
    expect((await effectsIn(effects)).sort()).toEqual(ids.map((id) => `${id} 1`).sort());
    for (const id of ids) expect(await endsOf(nats, id)).toEqual(['succeeded']);
    expect(said(stack, 'the broker fails')).toHaveLength(1);
    await ready(stack);
  });

  it('is kept while EVENTS is full, and ends when there is room (N9)', async () => {
    const stack = await own();
    const nats = await connectTo(stack);
    const manager = await jetstreamManager(nats);
    const effects = newFile();
    const gate = newFile();
    const job = await submitJob(stack, 'test.late', { ms: 0, gate, effects });
    await until('the job to run', async () => (await effectsIn(effects)).length === 1);
    await manager.streams.update('EVENTS', { max_msgs: 1, discard: DiscardPolicy.New });
    await writeFile(gate, '');
    await notReady(stack, 'messages on events.> cannot be stored: maximum messages exceeded');
    await manager.streams.update('EVENTS', { max_msgs: -1, discard: DiscardPolicy.Old });
    expect(await jobEnded(stack, job.id)).toMatchObject({ state: 'succeeded', attempt: 1 });
    expect(await effectsIn(effects)).toHaveLength(1);
    await untilQueueEmpty(nats);
  });

  it('goes to the dead letters when DEAD is back, and fails only then', async () => {
    const stack = await own();
    const nats = await connectTo(stack);
    const manager = await jetstreamManager(nats);
    const restore = await remove(manager, 'DEAD');
    const job = await submitJob(stack, 'test.mode', { mode: 'reject' });
    await notReady(stack, 'messages on dead.> cannot be stored');
    expect((await readJob(stack, job.id)).state).toBe('running');
    await restore();
    expect(await jobEnded(stack, job.id)).toMatchObject({ state: 'failed', attempt: 1 });
    expect((await manager.streams.info('DEAD')).state.messages).toBe(1);
  });
});

describe('a broker that goes and comes back while jobs run (N1, N2)', () => {
  it.each([
    ['is killed and restarted', 'SIGKILL'],
    ['stands still', 'SIGSTOP'],
  ] as const)('and %s: each job ends once', async (_what, signal) => {
    const stack = await own({ WORKER_CONCURRENCY: '20' });
    const effects = newFile();
    const began = Date.now();
    const jobs = await Promise.all(
      Array.from({ length: 20 }, () => submitJob(stack, 'test.late', { ms: 1_000, effects })),
    );
    await until('the jobs to run', async () => (await effectsIn(effects)).length === 20);
    await stack.nats.kill(signal);
    await until('the jobs to be done, and not on record', () => Date.now() - began > 3_000);
    if (signal === 'SIGKILL') await stack.nats.restart();
    else await stack.nats.kill('SIGCONT');
    const nats = await connectTo(stack);
    await untilQueueEmpty(nats);
    for (const { id } of jobs) expect(await endsOf(nats, id)).toEqual(['succeeded']);
    await ready(stack);
  });
});
