import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Job } from '../../../shared/job/job.ts';
import { shortName } from '../../../shared/trace/short-name.ts';
import { connectTo, effectsIn, heldJobs, jobEnded, readJob, submitJob } from '../../support/jobs.ts';
import { until } from '../../support/poll.ts';
import { startTestStack, type TestStack, withTestStack } from '../../support/stack.ts';

const ACK_WAIT_MS = 1_500;
const WORKER = { WORKER_ACK_WAIT_MS: String(ACK_WAIT_MS), WORKER_STOP_TIMEOUT_MS: '200' };

let stack: TestStack;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'throughline-effects-'));
  stack = await startTestStack({ operationsFolder: 'test/fixtures/operations', worker: WORKER });
});
afterAll(async () => {
  await stack.stop();
  await rm(directory, { recursive: true, force: true });
});

async function submit(
  stack: TestStack,
  input: Record<string, unknown>,
  more: Record<string, unknown> = {},
): Promise<Job> {
  const response = await stack.submit({ operation: 'test.mode', input, ...more });
  return Job.parse(await response.json());
}

describe('an attempt that fails', () => {
  it('is tried again with back-off, and each attempt is a child of "send" and links to the one before', async () => {
    const job = await jobEnded(stack, (await submit(stack, { mode: 'fail-until', until: 3 })).id);
    expect(job).toMatchObject({ state: 'succeeded', attempt: 3, result: { attempt: 3 } });
    const spans = await stack.collector.waitForSpans(
      job.traceId,
      (all) =>
        all.filter((span) => shortName(span) === 'process test.mode').length === 3 &&
        all.some((span) => shortName(span) === 'send test.mode'),
      60_000,
    );
    const send = spans.find((span) => shortName(span) === 'send test.mode');
    const attempts = spans.filter((span) => shortName(span) === 'process test.mode');
    expect(attempts.map(({ parentSpanId }) => parentSpanId)).toEqual(Array(3).fill(send?.spanId));
    expect(attempts.map(({ links }) => links.map(({ spanId }) => spanId))).toEqual([
      [send?.spanId],
      [send?.spanId, attempts[0]?.spanId],
      [send?.spanId, attempts[1]?.spanId],
    ]);
    // A failed attempt is no error while another one follows.
    expect(attempts.map(({ status }) => status)).toEqual(['UNSET', 'UNSET', 'UNSET']);
    expect(attempts.map(({ attributes }) => attributes['throughline.job.error_code'])).toEqual([
      'operation-failed',
      'operation-failed',
      undefined,
    ]);
    expect(attempts.map(({ events }) => events.map(({ name }) => name))).toEqual([
      ['exception'],
      ['exception'],
      [],
    ]);
  });

  it.each([
    [
      'throw',
      {
        code: 'operation-failed',
        message: expect.stringMatching(/^the operation failed; trace [0-9a-f]{32}$/),
      },
    ],
    ['retry', { code: 'operation-failed', message: 'again, on purpose' }],
  ])(
    'goes to the dead letters with payload, headers and reason when attempts are spent (%s)',
    async (mode, error) => {
      const job = await jobEnded(stack, (await submit(stack, { mode })).id);
      expect(job).toMatchObject({ state: 'failed', attempt: 3, maxAttempts: 3, error });
      const dead = await deadLetter(stack, job.id);
      expect(JSON.parse(new TextDecoder().decode(dead.data))).toEqual({ mode });
      expect(dead.header.get('throughline-dead-reason')).toBe('operation-failed');
      expect(dead.header.get('throughline-dead-attempts')).toBe('3');
      expect(dead.header.get('traceparent')).toContain(job.traceId);
    },
  );

  it('fails immediately when its author rejects the job', async () => {
    const job = await jobEnded(stack, (await submit(stack, { mode: 'reject' })).id);
    expect(job).toMatchObject({ state: 'failed', attempt: 1, error: { code: 'operation-rejected' } });
  });

  it('waits as long as its author says', async () => {
    expect(await jobEnded(stack, (await submit(stack, { mode: 'retry-after' })).id)).toMatchObject({
      state: 'succeeded',
      attempt: 2,
    });
  });

  it.each(['hang', 'ignore-signal'])(
    'is cut off at its deadline, whether or not it listens (%s)',
    async (mode) => {
      const job = await jobEnded(
        stack,
        (await submit(stack, { mode }, { timeout: '150ms', maxAttempts: 1 })).id,
      );
      expect(job).toMatchObject({ state: 'failed', error: { code: 'operation-timeout' } });
    },
  );
});

describe('a worker', () => {
  const own = (): Promise<TestStack> =>
    withTestStack({ operationsFolder: 'test/fixtures/operations', worker: WORKER });

  it('that is killed in the middle of a job: the job is run again and ends, in the same trace', async () => {
    const stack = await own();
    const effects = path.join(directory, 'killed');
    const job = await submit(stack, { mode: 'hang-once', effects });
    await until('the first attempt', async () => (await effectsIn(effects)).length === 1);
    await stack.worker.kill('SIGKILL');
    await stack.addWorker({ WORKER_NAME: 'second' });
    expect(await jobEnded(stack, job.id)).toMatchObject({
      state: 'succeeded',
      attempt: 2,
      traceId: job.traceId,
    });
    expect(await effectsIn(effects)).toEqual([`${job.id} 1`, `${job.id} 2`]);
  });

  it('that was paused does not run the jobs that another worker ended', async () => {
    const stack = await own();
    const effects = path.join(directory, 'paused');
    const manager = await jetstreamManager(await connectTo(stack));
    const jobs: Job[] = [];
    await until('messages that are on their way to a worker that is paused', async () => {
      await stack.worker.kill('SIGSTOP');
      jobs.push(
        ...(await Promise.all(Array.from({ length: 5 }, () => submit(stack, { mode: 'done', effects })))),
      );
      if ((await heldJobs(manager)) > 0) return true;
      // Its last pull had expired. It opens the next one when it has run these jobs.
      await stack.worker.kill('SIGCONT');
      await Promise.all(jobs.map((job) => jobEnded(stack, job.id)));
      return false;
    });
    await stack.addWorker({ WORKER_NAME: 'second' });
    await Promise.all(jobs.map((job) => jobEnded(stack, job.id)));
    await stack.worker.kill('SIGCONT');
    await until('the first worker to put one aside', () =>
      stack.lines.some((line) => line.includes('not run again') || line.includes('message left alone')),
    );
    await stack.worker.stop();
    expect((await effectsIn(effects)).length).toBe(jobs.length);
  });

  it('that has to stop hands a running job back without spending an attempt', async () => {
    const stack = await own();
    const effects = path.join(directory, 'handed-back');
    const job = await submit(stack, { mode: 'hang', effects });
    await until('the first attempt', async () => (await effectsIn(effects)).length === 1);
    await stack.worker.stop();
    expect(await stack.worker.exited).toBe(0);
    expect(await readJob(stack, job.id)).toMatchObject({ state: 'queued', attempt: 0 });
    await stack.addWorker({ WORKER_NAME: 'next' });
    await until('the job to be run again', async () => (await effectsIn(effects)).length === 2);
    expect(await effectsIn(effects)).toEqual([`${job.id} 1`, `${job.id} 1`]);
  });

  it('that has time to stop lets its running job end', async () => {
    const stack = await withTestStack({
      operationsFolder: 'test/fixtures/operations',
      worker: { WORKER_STOP_TIMEOUT_MS: '20000' },
    });
    const [gate, effects] = [path.join(directory, 'in-time'), path.join(directory, 'in-time-effects')];
    const job = await submitJob(stack, 'test.late', { ms: 0, gate, effects });
    await until('the job to run', async () => (await readJob(stack, job.id)).state === 'running');
    const stopped = stack.worker.stop();
    await stack.logged(({ msg }) => msg === 'worker stopping');
    await writeFile(gate, '');
    await stopped;
    expect(await readJob(stack, job.id)).toMatchObject({ state: 'succeeded', attempt: 1 });
  });

  it('keeps a job alive that takes longer than the ack wait, so that it runs once', async () => {
    const stack = await withTestStack({
      operationsFolder: 'test/fixtures/operations',
      worker: { WORKER_ACK_WAIT_MS: '2500' },
    });
    const effects = path.join(directory, 'long');
    await stack.addWorker({ WORKER_NAME: 'idle' });
    const job = await submitJob(stack, 'test.late', { ms: 6_000, effects });
    expect(await jobEnded(stack, job.id)).toMatchObject({ state: 'succeeded', attempt: 1 });
    expect(await effectsIn(effects)).toHaveLength(1);
  });

  it('W8: that a job kills again and again: the job goes to the dead letters, and others run', async () => {
    const stack = await own();
    const effects = path.join(directory, 'poison');
    const job = await submit(stack, { mode: 'exit', effects }, { maxAttempts: 2 });
    expect(await stack.worker.exited).toBeNull();
    const second = await stack.addWorker({ WORKER_NAME: 'second' });
    expect(await second.exited).toBeNull();
    await stack.addWorker({ WORKER_NAME: 'third' });
    expect(await jobEnded(stack, job.id)).toMatchObject({
      state: 'failed',
      error: { code: 'attempts-spent' },
    });
    expect(await effectsIn(effects)).toHaveLength(2);
    expect((await stack.run('echo', 'alive')).state).toBe('succeeded');
  });
});

async function deadLetter(stack: TestStack, jobId: string) {
  const nats = await connect({ servers: stack.nats.url });
  try {
    const manager = await jetstreamManager(nats);
    const message = await manager.streams.getMessage('DEAD', {
      last_by_subj: `dead.demo.${jobId}.test.mode`,
    });
    if (message === null) throw new Error(`no dead letter of ${jobId}`);
    return message;
  } finally {
    await nats.close();
  }
}
