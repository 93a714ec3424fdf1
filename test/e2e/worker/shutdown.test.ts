import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, nanos } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { isTerminalEvent } from '../../../shared/job/event.ts';
import { ConsumeLoop } from '../../../worker-node/broker/consume/consume-loop.ts';
import { connectTo, effectsIn, submitJob, untilQueueEmpty } from '../../support/jobs.ts';
import { startTestNats } from '../../support/nats/nats.ts';
import { eventsByJob } from '../../support/nats/stored.ts';
import { until } from '../../support/poll.ts';
import { withTestStack } from '../../support/stack.ts';
import { quiet } from '../../unit/worker-node/support.ts';

const SLOTS = 1_000;

const JOBS = 1_200;

/** Longer than any test: a message that is left to its ack wait keeps the queue from getting empty. */
const ACK_WAIT_MS = 120_000;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'throughline-shutdown-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe('a rolling restart of three workers under load (W12)', () => {
  it('costs no attempt, and no finished job is delivered again', async () => {
    const worker = {
      WORKER_CONCURRENCY: '20',
      WORKER_STOP_TIMEOUT_MS: '100',
      WORKER_ACK_WAIT_MS: String(ACK_WAIT_MS),
    };
    const stack = await withTestStack({
      operationsFolder: 'test/fixtures/operations',
      worker,
      tracing: false,
    });
    const nats = await connectTo(stack);
    const js = jetstream(nats);
    let workers = [stack.worker, await stack.addWorker(), await stack.addWorker()];
    const effects = path.join(directory, 'rolling');
    const input = JSON.stringify({ mode: 'nap', ms: 400, effects });
    for (let n = 0; n < JOBS; n++) await js.publish(`jobs.normal.p2.demo.rolling-${n}.test.mode`, input);
    for (const old of workers) {
      const [next] = await Promise.all([stack.addWorker(), old.stop()]);
      expect(await old.exited).toBe(0);
      workers = [...workers.slice(1), next];
    }
    await untilQueueEmpty(nats);
    const jobs = [...(await eventsByJob(nats)).values()];
    expect(jobs).toHaveLength(JOBS);
    for (const history of jobs) {
      expect(history.filter(isTerminalEvent)).toMatchObject([{ kind: 'succeeded', attempt: 1 }]);
    }
    expect(jobs.flat().some(({ kind }) => kind === 'released')).toBe(true);
    expect(stack.logs().filter(({ msg }) => msg === 'job ended before; not run again')).toEqual([]);
  });
});

describe('a pull that is stopped', () => {
  it('takes the messages that the server had sent, so that none waits for its ack wait', async () => {
    const server = await startTestNats();
    onTestFinished(() => server.stop());
    const nats = await connect({ servers: server.url });
    onTestFinished(() => nats.close());
    const manager = await jetstreamManager(nats);
    await manager.streams.add({ name: 'JOBS', subjects: ['jobs.>'] });
    await manager.consumers.add('JOBS', {
      durable_name: 'workers',
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(ACK_WAIT_MS),
    });
    const consumer = await jetstream(nats).consumers.get('JOBS', 'workers');
    const taken = new Set<number>();
    const start = () => {
      const loop = new ConsumeLoop({
        lanes: [
          {
            consumer: {
              get: async () => consumer,
              forget: () => undefined,
              createdMs: 0,
              ackWaitMs: 30_000,
              isClustered: false,
            },
            priority: 'normal',
            isBulk: false,
          },
        ],
        handler: {
          process: async ({ sequence, settle }) => {
            taken.add(sequence);
            settle({ kind: 'ack' });
          },
        },
        concurrency: SLOTS,
        log: quiet,
        what: 'jobs',
      });
      const running = loop.run();
      return { stop: () => Promise.all([loop.stop(1_000), running]) };
    };
    for (let round = 1; round <= 5; round++) {
      const before = taken.size;
      for (let n = 0; n < 2_000; n++) nats.publish('jobs.normal.p0.a.b.c', 'x');
      const first = start();
      await until('jobs to come', () => taken.size > before);
      await first.stop();
      const next = start();
      await until('the next worker to have the others', () => taken.size === round * 2_000);
      await next.stop();
    }
  });
});

describe('a worker that is told to stop while NATS is away', () => {
  it('still exits with 0, in time', async () => {
    const stack = await withTestStack({
      operationsFolder: 'test/fixtures/operations',
      worker: { WORKER_STOP_TIMEOUT_MS: '200' },
      tracing: false,
    });
    const effects = path.join(directory, 'away');
    await submitJob(stack, 'test.late', { ms: 60_000, effects });
    await until('the job to run', async () => (await effectsIn(effects)).length === 1);
    await stack.nats.kill('SIGKILL');
    const start = performance.now();
    await stack.worker.stop();
    expect(await stack.worker.exited).toBe(0);
    // Much earlier than its job would end.
    expect(performance.now() - start).toBeLessThan(45_000);
    for (const words of [
      'job not settled; it will be delivered again',
      'acks may be lost; their jobs are delivered again',
    ])
      await stack.logged(({ msg }) => msg === words);
  });
});
